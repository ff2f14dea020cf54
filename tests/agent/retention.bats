#!/usr/bin/env bats
# What is kept: by the date in the name, after a good run, and never less than the newest.

load node

nights() {
    local day
    for day; do mkdir "$NODE/backups/$day"; done
}

@test "keep_days nights are kept, by the date in the name and not by a directory's mtime" {
    config 'path = /srv/data' 'keep_days = 3'
    nights 2026-11-20 2026-11-21 2026-11-22 2026-11-23
    touch -d '2030-01-01' "$NODE"/backups/2026-11-20
    touch -d '2001-01-01' "$NODE"/backups/2026-11-23
    at '2026-11-24 01:00:00' && agent run
    [[ $(snapshots) == $'2026-11-22\n2026-11-23\n2026-11-24' ]]
}

@test "a year of nights, some of them missed, leaves exactly the snapshots it should" {
    local night nights=36 day expected
    [[ ${KAIZEN_FAULTS:-} != full ]] || nights=365
    config 'path = /srv/data' 'keep_days = 5'
    for ((night = 0; night < nights; night++)); do
        ((night % 11 != 3 && night % 29 != 4)) || continue
        day=$(date -u -d "2027-12-10 + $night days" +%F)
        echo "$night" >"$NODE/srv/data/a"
        at "$day 01:00:00" && agent run
        expected=$(for back in 4 3 2 1 0; do
            ((night - back < 0 || (night - back) % 11 == 3 || (night - back) % 29 == 4)) ||
                date -u -d "2027-12-10 + $((night - back)) days" +%F
        done)
        [[ $(snapshots) == "$expected" ]]
    done
    assert_whole
}

@test "month and year ends, leap days and daylight saving are only dates" {
    config 'path = /srv/data' 'keep_days = 2'
    nights 2027-12-30 2027-12-31
    at '2028-01-01 01:00:00' && agent run
    [[ $(snapshots) == $'2027-12-31\n2028-01-01' ]]
    rm -r "$NODE"/backups/*
    nights 2028-02-27 2028-02-28 2028-02-29
    at '2028-03-01 01:00:00' && agent run
    [[ $(snapshots) == $'2028-02-29\n2028-03-01' ]]
}

@test "only names of a snapshot's form are ever removed" {
    local other
    config 'path = /srv/data' 'keep_days = 1'
    nights 2020-01-01 2020-01-01.2
    for other in nodes lost+found 2020-01-01-old 2020-13-01 2020-01-01.1 20200101 2020-01-01.x; do mkdir "$NODE/backups/$other"; done
    mkdir "$NODE/srv/elsewhere" && touch "$NODE/srv/elsewhere/file"
    ln -s /srv/elsewhere "$NODE/backups/2020-01-02"
    at '2020-11-24 01:00:00' && agent run
    [[ $(ls "$NODE/backups" | tr '\n' ' ') == '2020-01-01-old 2020-01-01.1 2020-01-01.x 2020-01-02 2020-11-24 2020-13-01 20200101 lost+found nodes ' ]]
    [[ -e $NODE/srv/elsewhere/file ]]
}

@test "a clock that jumps years ahead, or back, removes nothing" {
    config 'path = /srv/data' 'keep_days = 2'
    nights 2026-11-22 2026-11-23
    at '2036-01-01 01:00:00' && agent run
    [[ $(snapshots) == $'2026-11-22\n2026-11-23\n2036-01-01' ]]
    at '2026-11-24 01:00:00' && agent run
    [[ $(snapshots) == $'2026-11-23\n2026-11-24\n2036-01-01' ]]
    at '2026-11-20 01:00:00' && agent run
    [[ $(snapshots) == $'2026-11-20\n2026-11-23\n2026-11-24\n2036-01-01' ]]
}

@test "a clock that stays wrong for many nights still removes nothing from before" {
    config 'path = /srv/data' 'keep_days = 3'
    nights 2026-11-21 2026-11-22 2026-11-23
    local day
    for day in 1 2 3 4 5; do at "2036-01-0$day 01:00:00" && agent run; done
    [[ $(snapshots) == $'2026-11-21\n2026-11-22\n2026-11-23\n2036-01-03\n2036-01-04\n2036-01-05' ]]
}

@test "what a killed removal left behind is removed by the next run" {
    mkdir "$NODE/backups/.expired-2026-11-01.123"
    at '2026-11-24 01:00:00' && agent run
    [[ $(ls -A "$NODE/backups") == 2026-11-24 ]]
}
