#!/bin/bash
# What `kaizen restore` has done at the place that it restores to: on the collector itself, or on a host, over ssh. Its
# last line is `main MODE`; behind it stand records that end in a NUL, the first of which is the directory. Nothing is
# changed before the last record, "end of data", has been read: what is cut short on its way does nothing at all.
#
#   look      says what is there of the names given, and what is in their way; changes nothing
#   exact     the same, and names everything in the directories given
#   make      makes the directory where it is missing
#   verify    holds files against sums, which stand behind the records in the form of sha256sum; says what that says.
#             The names given, or else all of the file system, are written to disk before
#   remove    removes the names given
#
# An answer is three words that end in a NUL: what, name, more. The last one is "done".
set -euo pipefail
umask 077
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
shopt -s nullglob dotglob

records=()
dir=''

die() {
    printf 'kaizen: %s\n' "$1" >&2
    exit 1
}

say() { printf '%s\0%s\0%s\0' "$1" "${2:-}" "${3:-}"; }

read_records() {
    local record
    while IFS= read -r -d '' record; do
        if [[ $record == 'end of data' ]]; then
            dir=${records[0]}
            records=("${records[@]:1}")
            return
        fi
        records+=("$record")
    done
    die 'the data were cut short'
}

say_host() {
    local name full
    name=$(uname -n)
    if [[ $name != *.* ]]; then
        # Where names are not resolved, the short one must do.
        full=$(timeout 5 hostname -f 2>/dev/null) || full=$name
        [[ $full != "$name".* ]] || name=$full
    fi
    say host '' "$name"
    [[ -z ${SUDO_USER:-} ]] || say sudo '' "$SUDO_USER"
    command -v rsync >/dev/null || say lacks '' rsync
}

# say_directory: is it there? Return 1 when nothing can be there of the names.
say_directory() {
    local path=${dir%/}
    if [[ -n $path && -L $path ]]; then
        say symlink '' "$(readlink -- "$path")"
    elif [[ -d $path/ ]]; then
        say free '' "$(($(stat -f -c '%a * %S' -- "$path/")))"
        return
    elif [[ -e $path ]]; then
        say clash '' 'no directory'
    elif [[ ! -d ${path%/*}/ ]]; then
        say clash '' "not there, and neither is ${path%/*}"
    else
        say absent
    fi
    return 1
}

# say_inside DIRECTORY EXACT: what a broken off rsync may have left there; with EXACT everything.
say_inside() {
    local file
    for file in "$1"/.*.??????; do
        [[ ! -f $file || -L $file ]] || say left "${file#"$dir"/}"
    done
    [[ $2 == true ]] || return 0
    for file in "$1"/*; do say has "${file#"$dir"/}"; done
}

# name_of KIND NUMBER: of a user (u) or a group (g)
name_of() {
    local database=passwd
    [[ $1 == u ]] || database=group
    { getent "$database" "$2" || true; } | cut -d : -f 1
}

# look EXACT: a record is a letter and a name: d: a directory, a: one that only leads to what is given, u and g: the
# number of a user or a group, else: no directory.
look() {
    local exact=$1 record kind name path
    say_host
    say_directory || return 0
    dir=${dir%/}
    say_inside "$dir" false
    for record in "${records[@]}"; do
        kind=${record:0:1} name=${record:1} path=$dir/${record:1}
        if [[ $kind == [ug] ]]; then
            say owner "$record" "$(name_of "$kind" "$name")"
        elif [[ $kind != [ad] ]]; then
            if [[ -L $path ]]; then
                say there "$name"
            elif [[ -d $path ]]; then
                say clash "$name" 'a directory'
            elif [[ -e $path ]]; then
                say there "$name"
            fi
        elif [[ -L $path ]]; then
            say symlink "$name" "$(readlink -- "$path")"
        elif [[ -d $path ]]; then
            say there "$name"
            if [[ $kind == a ]]; then say_inside "$path" false; else say_inside "$path" "$exact"; fi
        elif [[ -e $path ]]; then
            say clash "$name" 'no directory'
        fi
    done
}

make() {
    [[ -d $dir/ ]] || mkdir -m 0700 -- "$dir"
}

verify() {
    local code=0
    cd -- "$dir/"
    if [[ ${#records[@]} -gt 0 ]]; then
        sync -- "${records[@]/#?/./}" || true # one that is missing is named below
    else
        sync -f .
    fi
    sha256sum --strict -c - || code=$?
    [[ $code -le 1 ]] || die "sha256sum ended with code $code"
}

# through_symlink NAME: does a symlink lead to it?
through_symlink() {
    local above=$1
    while [[ $above == */* ]]; do
        above=${above%/*}
        [[ ! -L $dir/$above ]] || return 0
    done
    return 1
}

remove() {
    local record name
    dir=${dir%/}
    for record in "${records[@]}"; do
        name=${record:1}
        if through_symlink "$name"; then
            die "a symlink leads to $dir/$name by now: it was not removed"
        fi
        rm -rf --one-file-system -- "$dir/${name:?}"
        say removed "$name"
    done
}

main() {
    read_records
    case $1 in
        look) look false ;;
        exact) look true ;;
        make) make ;;
        verify)
            verify
            exit
            ;;
        remove) remove ;;
    esac
    say 'done'
    exit
}
