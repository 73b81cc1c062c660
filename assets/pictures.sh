#!/usr/bin/env bash
# Makes the README's pictures: the real window with the demo, on a display of its own, in both themes.
#
#   assets/pictures.sh [FOLDER]       needs Xvfb, xdotool and scrot; writes FOLDER/VIEW-THEME.png (assets/pictures)
#
# LOOKASIDE names the program, SCALE the demo's size, SIZE the window's size, VIEWS and THEMES what is pictured.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-assets/pictures}
program=${LOOKASIDE:-target/release/lookaside}
scale=${SCALE:-0.1} size=${SIZE:-1280x800}
views=${VIEWS:-connect reports keys latency race worker server} themes=${THEMES:-dark light}
for tool in Xvfb xdotool scrot; do
    command -v "$tool" >/dev/null || { echo "pictures.sh: $tool is missing; apt-get install xvfb xdotool scrot" >&2; exit 1; }
done
mkdir -p "$folder"
home=$(mktemp -d)

display=""
exec 3< <(Xvfb -displayfd 1 -screen 0 "${size}x24" 2>/dev/null & echo "pid $!"; wait)
while read -r line <&3; do
    case $line in
        pid*) xvfb=${line#pid } ;;
        *) display=:$line ;;
    esac
    [ -n "$display" ] && [ -n "${xvfb:-}" ] && break
done
window=""
finish() {
    [ -n "$window" ] && kill "$window" 2>/dev/null
    kill "$xvfb" 2>/dev/null
    rm -rf "$home"
}
trap finish EXIT
export DISPLAY=$display LIBGL_ALWAYS_SOFTWARE=1 XDG_STATE_HOME=$home
unset WAYLAND_DISPLAY

press() { xdotool key --clearmodifiers "$1"; }

for theme in $themes; do
    for view in $views; do
        start=(demo --scale "$scale")
        [ "$view" = connect ] && start=()
        shown=$view
        [ "$view" = race ] && shown=reports
        "$program" --view "$shown" --theme "$theme" --size "$size" "${start[@]}" &
        window=$!
        # Without a window manager nobody gives the window the keyboard.
        xdotool windowfocus "$(xdotool search --sync --onlyvisible --name '^Lookaside$' | head -n 1)"
        xdotool mousemove 640 790
        # The worker fills the reports first; nothing here is faster than the queries are.
        if [ "$view" != connect ]; then sleep "${WARM:-45}"; else sleep 4; fi
        case $view in
            reports) for _ in 1 2 3 4; do press ctrl+Return; sleep 2; done ;;
            race) press ctrl+r; sleep "${RACE:-60}" ;;
            latency)
                for report in monthly-revenue top-customers late-shipments stock-cover; do
                    press ctrl+k; sleep 1; xdotool type --delay 20 "$report"; sleep 1; press Return; sleep 1
                    press ctrl+shift+Return; sleep 6; for _ in 1 2 3; do press ctrl+Return; sleep 1; done
                done
                press ctrl+3; sleep 2 ;;
        esac
        sleep 2
        scrot --overwrite "$folder/$view-$theme.png"
        kill "$window"
        wait "$window" 2>/dev/null || true
        window=""
        echo "$folder/$view-$theme.png"
    done
done
