#!/bin/sh
# Outlives the process that started a server by just long enough to stop that server and remove its folder.
# Called by kept.ts as `sh keeper.sh <stop signal> <grace in tenths of a second> <folder or empty>`; standard input is a
# pipe that only the starter holds. Lines on it: a process id (the server to stop) or `gone` (it has ended by itself).
# The end of the pipe, however it comes about, is the order to clean up. Must never signal a server reported as gone.
trap '' HUP INT TERM
signal=$1 grace=$2 folder=$3 server=

while read -r word; do
  case $word in
    gone) server= ;;
    *) server=$word ;;
  esac
done

# A server whose starter died may stay as a zombie where process 1 is slow to collect orphans: that one has ended.
alive() {
  kill -s 0 "$1" 2>/dev/null || return 1
  state=
  [ -r "/proc/$1/stat" ] && read -r state 2>/dev/null <"/proc/$1/stat"
  case $state in *') Z '*) return 1 ;; esac
}

if [ -n "$server" ]; then
  kill -s "$signal" "$server" 2>/dev/null
  # A server frozen by SIGSTOP would not see the signal before it is thawed.
  kill -s CONT "$server" 2>/dev/null
  waited=0
  while alive "$server" && [ "$waited" -lt "$grace" ]; do
    sleep 0.1
    waited=$((waited + 1))
  done
  # The server leads a process group, so this reaches its children too.
  alive "$server" && kill -s KILL -- "-$server" 2>/dev/null
fi

# Others may still be writing below the folder while they end themselves: try again until nothing is left.
tries=0
while [ -n "$folder" ] && [ -e "$folder" ] && [ "$tries" -lt 100 ]; do
  rm -rf -- "$folder" 2>/dev/null
  [ -e "$folder" ] && sleep 0.1
  tries=$((tries + 1))
done
