// The server's own topics, one pair a channel: sequenced frames and signals travel apart, so that signals can be shed first.

export const sequencedTopic = (channel: string): string => `m/${channel}`;
export const signalTopic = (channel: string): string => `s/${channel}`;

/** Of either topic, the channel. */
export const channelOfTopic = (topic: string): string => topic.slice(2);
export const isSignalTopic = (topic: string): boolean => topic.startsWith("s/");
