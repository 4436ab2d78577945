// Where the tokens of a guest come from: the first by a name, each next one by the refresh token of the one before.

/** What `connect` takes as its `token`. */
export function guest(api, name) {
  let last;
  return async () => {
    last = last
      ? await post(`${api}/v1/auth/refresh`, { refreshToken: last.refreshToken })
      : await post(`${api}/v1/auth/guest`, { name });
    return last.token;
  };
}

async function post(url, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return answer.json();
}
