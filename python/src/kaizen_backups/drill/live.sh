#!/bin/bash
# What `kaizen drill --live` runs on a node, over ssh: it says which of some files are still what was saved, and changes
# nothing. Its last line is `main`; behind it stand records that end in a NUL, "SIZE MTIME /PATH" of each file, and then
# "end of data": what is cut short on its way is not answered.
#
# An answer is a line, "NUMBER WHAT": the record's number, from 0, and its SHA-256 where a regular file of that size and
# time is there, or else
#
#   gone      there is nothing of that name
#   changed   there is another file, or something else, or a symlink leads there
#   unread    it is unchanged by size and time, and cannot be read
#
# The last line is "done". Names are never said.
set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

readonly PATIENCE=300 # seconds for one file
readonly TOO_LONG=124 # what timeout(1) ends with then
records=()

read_records() {
    local record
    while IFS= read -r -d '' record; do
        [[ $record != 'end of data' ]] || return 0
        records+=("$record")
    done
    echo 'kaizen: the data were cut short' >&2
    exit 1
}

# unchanged NAME SIZE MTIME: is it a regular file like that?
unchanged() {
    [[ $(stat -c '%F %s %.9Y' -- "$1" 2>/dev/null) == regular*' file '"$2 $3" ]]
}

# enter DIRECTORY: only if no symlink leads to it
enter() {
    cd -P -- "$1" 2>/dev/null && [[ $PWD == "$1" ]]
}

# digest_of NAME SIZE: what is put in the file's place meanwhile may have no end, or say nothing for ever.
digest_of() {
    local line
    line=$(timeout "$PATIENCE" head -c "$2" -- "$1" 2>/dev/null | sha256sum) && echo "${line%% *}"
}

# What only takes too long says nothing of the snapshot, so nothing is answered at all.
give_up() {
    echo "kaizen: a file could not be read within $PATIENCE s" >&2
    exit 1
}

# look SIZE MTIME PATH
look() {
    local size=$1 mtime=$2 path=$3 digest
    local directory=${path%/*} name=./${path##*/}
    if [[ ! -e $path && ! -L $path ]]; then
        echo gone
    elif ! enter "${directory:-/}" || ! unchanged "$name" "$size" "$mtime"; then
        echo changed
    else
        digest=$(digest_of "$name" "$size") || {
            [[ $? -ne $TOO_LONG ]] || give_up
            digest=unread
        }
        # It may have changed while it was read.
        if unchanged "$name" "$size" "$mtime"; then echo "$digest"; else echo changed; fi
    fi
}

main() {
    local number record rest answer
    read_records
    for number in "${!records[@]}"; do
        record=${records[number]} rest=${records[number]#* }
        answer=$(look "${record%% *}" "${rest%% *}" "${rest#* }")
        printf '%s %s\n' "$number" "$answer"
    done
    echo 'done'
    exit
}
