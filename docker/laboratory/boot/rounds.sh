# Measures every place in turn, forth and back, round after round, in the Debian of the guest's disk.
# Arguments: rounds, small files, bytes of the large file, CPUs, seconds of uptime at which no round
# may be begun that would end later.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C
rounds=$1 files=$2 bytes=$3 cpus=$4 until_s=$5
measure=/laboratory/measure

places=$(cut -d " " -f 1 /laboratory/mounts)
back=$(tac /laboratory/mounts | cut -d " " -f 1)

uptime_s() {
    read -r seconds rest < /proc/uptime
    echo "${seconds%.*}"
}

# Nothing of a place is in the guest's memory then, and all else still is: the compiler, above all.
forget() {
    while read -r name type device options; do
        [ "$name" != "$1" ] || [ "$type" = tmpfs ] || {
            umount "/places/$name" && mount -t "$type" -o "$options" "$device" "/places/$name"
        } || exit 1
    done < /laboratory/mounts
}

small() {
    "$measure" "$at" "$prefix" "$files" create stat read &&
        forget "$1" &&
        "$measure" "$at" "$prefix" "$files" first-read remove
}

large() {
    "$measure" "$at" "$prefix" "$bytes" write && forget "$1" &&
        "$measure" "$at" "$prefix" "$bytes" read-large
}

build() {
    cp -r /laboratory/project "$at/project" &&
        forget "$1" &&
        "$measure" run "$prefix build" make -s -C "$at/project" -j"$cpus" &&
        [ "$("$at/project/program")" = "$(cat /laboratory/project/expected)" ]
}

# A build that no place is measured by: an emulator has translated the compiler then, which the first
# place in a round would pay for.
warm() {
    make -s -B -C /tmp/project -j"$cpus" > /dev/null
}

cp -r /laboratory/project /tmp/project && warm || exit 1

round=1
while [ "$round" -le "$rounds" ]; do
    began=$(uptime_s)
    # What is held against each other is measured as near to each other as can be.
    for step in small large build; do
        [ "$step" != build ] || warm || exit 1
        for place in $places; do
            at=/places/$place/work prefix="lab1 took $round $place"
            mkdir "$at" && "$step" "$place" && rm -rf "$at" || exit 1
        done
    done
    echo "lab1 round $round"
    took=$(($(uptime_s) - began))
    [ $(($(uptime_s) + took + took / 8)) -le "$until_s" ] || break
    round=$((round + 1))
    swap=$places places=$back back=$swap
done
