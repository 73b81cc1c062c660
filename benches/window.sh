#!/usr/bin/env bash
# Measures the real window on a display of its own: time to the first frame, processor time at rest, memory with the
# demo, and the time of a frame while a million rows and a million keys are scrolled.
#
#   benches/window.sh       needs redis-server, sqlite3, Xvfb and xdotool; LOOKASIDE names the program
#
# Xvfb has no graphics card: OpenGL is computed on the same processor, and its memory is in what is printed here.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${LOOKASIDE:-target/release/lookaside}")
for tool in redis-server redis-cli sqlite3 Xvfb xdotool; do
    command -v "$tool" >/dev/null || { echo "window.sh: $tool is missing; apt-get install redis-server sqlite3 xvfb xdotool" >&2; exit 1; }
done
home=$(mktemp -d)
window="" redis="" screen=""
finish() {
    for process in $window $redis $screen; do kill "$process" 2>/dev/null || true; done
    wait
    rm -rf "$home"
}
trap finish EXIT

mkfifo "$home/display"
Xvfb -displayfd 4 -screen 0 1280x800x24 -nolisten tcp 4>"$home/display" 2>/dev/null &
screen=$!
read -r display <"$home/display"
export DISPLAY=:$display LIBGL_ALWAYS_SOFTWARE=1 XDG_DATA_HOME=${DATA:-$home/data} XDG_STATE_HOME=$home/state XDG_CONFIG_HOME=$home/config
unset WAYLAND_DISPLAY

open_window() { # ARGUMENTS...: starts the program and waits for its first frame
    : >"$home/frames"
    RUST_LOG=lookaside::frame=trace NO_COLOR=1 "$program" "$@" 2>"$home/frames" &
    window=$!
    until [ -s "$home/frames" ]; do
        kill -0 "$window" 2>/dev/null || { echo "window.sh: the program ended before its first frame" >&2; exit 1; }
        sleep 0.005
    done
}
close_window() {
    kill "$window"
    wait "$window" 2>/dev/null || true
    window=""
}
focus() { xdotool windowfocus --sync "$(xdotool search --sync --onlyvisible --name '^Lookaside$' | head -n 1)"; }
ticks() { awk '{print $14 + $15}' "/proc/$window/stat"; }
resident() { awk '/^VmRSS/ {printf "%.0f", $2 / 1000}' "/proc/$window/status"; }
percentiles() { # WHAT: of the frames since the file was emptied
    sed -n 's/.*cpu_ms=\([0-9.e-]*\).*/\1/p' "$home/frames" | sort -g |
        awk -v what="$1" '{a[NR] = $1} END {if (NR == 0) {print what ": no frames"; exit 1}
            printf "%-44s %5d frames  p50 %.2f ms  p99 %.2f ms  most %.2f ms (goal: p99 under 8)\n", what, NR, a[int((NR + 1) / 2)], a[int((NR * 99 + 99) / 100)], a[NR]}'
}
wheel() { # X Y: down a long way, and up again, as fast as the screen follows
    xdotool mousemove "$1" "$2"
    : >"$home/frames"
    for button in 5 4; do xdotool click --repeat 150 --delay 16 "$button"; done
}

for _ in 1 2 3 4 5; do
    before=$(date +%s%N)
    open_window
    echo "$(( ($(date +%s%N) - before) / 1000000 ))"
    close_window
done | sort -n | awk '{a[NR] = $1} END {printf "first frame of the welcome screen: %d ms, median of %d (goal: under 500)\n", a[int((NR + 1) / 2)], NR}'

redis-server --port 0 --unixsocket "$home/redis" --save '' --dir "$home" --enable-debug-command yes >/dev/null &
redis=$!
until redis-cli -s "$home/redis" ping >/dev/null 2>&1; do sleep 0.05; done
sqlite3 "$home/rows.db" "CREATE TABLE things AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000000)
  SELECT i AS id, printf('Customer#%09d', i * 7919 % 150000) AS customer, (i * 7919 % 1000003) / 1e6 AS ratio,
    date('1995-01-01', (i % 2500) || ' days') AS day FROM c"
cat >"$home/lookaside.toml" <<TOML
[cache]
url = "redis+unix://$home/redis"
[sources.rows]
url = "sqlite:$home/rows.db"
[[reports]]
name = "million"
source = "rows"
sql = "SELECT * FROM things"
ttl = "10h"
TOML
"$program" warm --workspace "$home/lookaside.toml" >/dev/null
open_window --workspace "$home/lookaside.toml" --view reports --size 1280x800
focus
sleep 3
before=$(ticks)
sleep 10
echo "processor at rest, a workspace open: $(awk -v t=$(( $(ticks) - before )) -v hz="$(getconf CLK_TCK)" 'BEGIN {printf "%.1f", t / hz / 10 * 100}') % of one core (goal: under 1)"
xdotool key ctrl+Return
sleep 8
wheel 640 600
percentiles "scrolling a million result rows"
redis-cli -s "$home/redis" debug populate 1000000 app:user:profile 20 >/dev/null
xdotool key ctrl+2
sleep 1
: >"$home/frames"
for _ in $(seq 40); do xdotool mousemove $((300 + RANDOM % 600)) $((200 + RANDOM % 400)); sleep 0.05; done
percentiles "Keys while a million keys are scanned"
sleep 20
wheel 700 600
percentiles "scrolling a million keys"
close_window

open_window --view reports --size 1280x800 demo
sleep "${WARM:-60}"
[ -n "$(resident)" ] && echo "resident with the demo: $(resident) MB (goal: under 150)"
close_window
