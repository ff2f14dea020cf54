#!/bin/bash
# What kaizen-onboard does on a host. It is sent over ssh, or stands in a script to be run there by hand; in both cases
# its last line is `main MODE`, with the data that it reads behind it. Nothing is done before that line has been read,
# and nothing before the data's own last line: what is cut short on its way does nothing at all.
#
#   describe   looks at what the data ask for, and says what it finds; changes nothing
#   apply      carries out the data line by line, says "did ..." of each, and ends at the first that fails
#   by_hand    the same, for a person
#
# The data: a keyword and its words a line; behind `file`, the file's lines, each with a | in front. Every file appears
# whole, by one rename, and a line that finds everything as it should be does nothing: so it can be carried out again.
set -euo pipefail
umask 077
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export DEBIAN_FRONTEND=noninteractive

data=()    # the lines
content=() # of the file that is at hand
at=0       # the next line

die() {
    printf 'kaizen-onboard: %s\n' "$1" >&2
    exit "${2:-1}"
}

did() { printf 'did %s\n' "$1"; }

# attempt WHAT COMMAND...: or say what could not be done, and what the command said of it.
attempt() {
    local what=$1 said
    shift
    said=$("$@" 2>&1 </dev/null) || die "cannot $what: $(last_words "$said")"
}

last_words() { printf '%s' "$1" | tr -s '\n' '\n' | tail -n 3 | tr '\n' ' ' | cut -c 1-400; }

has() { command -v "$1" >/dev/null 2>&1; }

### What is there.

say_system() {
    local id='' version='' like='' key value manager=none
    if [[ -r /etc/os-release ]]; then
        while IFS='=' read -r key value; do
            value=${value//\"/}
            case $key in
                ID) id=$value ;;
                VERSION_ID) version=$value ;;
                ID_LIKE) like=$value ;;
            esac
        done </etc/os-release
    fi
    for key in yum dnf zypper apt-get; do
        ! has "$key" || manager=$key
    done
    printf 'fact uid %s\nfact os %s %s\nfact like %s\nfact manager %s\n' "$EUID" "$id" "$version" "$like" "$manager"
    printf 'fact hostname %s\n' "$(uname -n)"
    ! has rsync || printf 'fact rsync %s\n' "$(rsync --version | sed -n '1s/^rsync *version v*\([0-9.]*\).*/\1/p')"
    [[ ! -d /run/systemd/system ]] || echo 'fact systemd yes'
    ! has getenforce || printf 'fact selinux %s\n' "$(getenforce)"
    ! is_puppets || echo 'fact puppet yes'
    if has systemctl && [[ -e /etc/systemd/system/kaizen-backup.timer ]]; then
        printf 'fact timer %s %s\n' "$(systemctl is-enabled kaizen-backup.timer 2>/dev/null || true)" \
            "$(systemctl is-active kaizen-backup.timer 2>/dev/null || true)"
    fi
}

# Was the class in Puppet's last catalogue for this host?
is_puppets() {
    local state
    for state in /opt/puppetlabs/puppet/cache /var/lib/puppet /var/cache/puppet; do
        ! grep -qsx 'quickstack::backups' "$state/state/classes.txt" || return 0
    done
    return 1
}

# say_user NAME: the account, its password, its groups, what sudo lets it do, and what is in its .ssh
say_user() {
    local line group password file
    line=$(getent passwd "$1") || return 0
    IFS=: read -r _ _ _ group _ <<<"$line"
    printf 'fact user %s\nfact group %s\n' "$line" "$(getent group "$group" | cut -d : -f 1)"
    password=$(getent shadow "$1" | cut -d : -f 2) || password=''
    case $password in
        '*') ;;
        '') echo 'fact password none' ;;
        '!'*) echo 'fact password locked' ;;
        *) echo 'fact password set' ;;
    esac
    printf 'fact groups %s\n' "$(id -Gn "$1")"
    if has sudo; then
        # Behind the line that ends in a colon stands a rule a line, indented.
        sudo -n -l -U "$1" 2>/dev/null </dev/null | sed -n '/^User .*:$/,$ s/^ \{2,\}\(.*\)/fact rule \1/p' || true
    fi
    for file in /var/lib/kaizen/.ssh/* /var/lib/kaizen/.ssh/.[!.]*; do
        [[ ! -e $file || $file == */authorized_keys ]] || printf 'fact stray %s\n' "$file"
    done
}

say_processes() {
    local name file
    for file in /proc/[0-9]*/comm; do
        if read -r name 2>/dev/null <"$file"; then
            printf '%s\n' "$name"
        fi
    done | sort -u | sed 's/^/fact process /' || true
}

# look PATH: its kind, mode, owner, group, sum, SELinux type
look() {
    local kind=other sum=- label=-
    if [[ -L $1 ]]; then
        kind='link'
    elif [[ -f $1 ]]; then
        kind='file'
        sum=$(sha256sum <"$1") && sum=${sum%% *} || sum=unreadable
    elif [[ -d $1 ]]; then
        kind=directory
    elif [[ ! -e $1 ]]; then
        printf 'entry absent - - - - - %s\n' "$1"
        return
    fi
    ! is_labelled || label=$(stat -c %C -- "$1" | cut -d : -f 3)
    printf 'entry %s %s %s %s %s\n' "$kind" "$(stat -c '%a %U %G' -- "$1")" "$sum" "$label" "$1"
}

is_labelled() { has getenforce && [[ $(getenforce) != Disabled ]]; }

# say_room DIRECTORY: can it be written to, and how much is free (KiB)?
say_room() {
    local place=$1
    until [[ -d $place ]]; do
        place=${place%/*}
        place=${place:-/}
    done
    [[ -w $place ]] || printf 'fact readonly %s\n' "$1"
    printf 'fact free %s %s\n' "$(df -Pk -- "$place" | awk 'NR == 2 { print $4 }')" "$1"
}

describe() {
    local keyword rest
    say_system
    say_processes
    while next_line; do
        case $keyword in
            user) say_user "$rest" ;;
            look) look "$rest" ;;
            exists) [[ ! -e $rest ]] || printf 'fact exists %s\n' "$rest" ;;
            holds) [[ ! -d $rest ]] || [[ -z $(ls -A -- "$rest" 2>/dev/null) ]] || printf 'fact holds %s\n' "$rest" ;;
            program) ! has "$rest" || printf 'fact program %s\n' "$rest" ;;
            room) say_room "$rest" ;;
            *) die "describe: unknown keyword '$keyword'" ;;
        esac
    done
}

### What is to be.

# install MANAGER PACKAGE...
install_packages() {
    local manager=$1
    shift
    case $manager in
        apt-get)
            attempt 'read the lists of packages' apt-get -q update
            attempt "install $*" apt-get -q -y --no-install-recommends install "$@"
            ;;
        dnf | yum) attempt "install $*" "$manager" -q -y install "$@" ;;
        zypper) attempt "install $*" zypper --non-interactive --quiet install --no-recommends "$@" ;;
        *) die "there is no package manager that is known here; install $* by hand" ;;
    esac
    did "install $*"
}

# make_user NAME HOME COMMENT
make_user() {
    if ! getent group "$1" >/dev/null; then
        attempt "make the group $1" groupadd --system "$1"
        did "group $1"
    fi
    # No password fits '*', and unlike '!' it doesn't lock the account for keys. The forced command runs through the shell.
    local settings=(--gid "$1" --home-dir "$2" --shell /bin/sh --comment "$3" --password '*')
    if ! getent passwd "$1" >/dev/null; then
        attempt "make the user $1" useradd --system --no-create-home "${settings[@]}" "$1"
        did "user $1"
    else
        settings[2]=--home
        attempt "change the user $1" usermod --groups '' "${settings[@]}" "$1"
        did "user $1"
    fi
}

# make_keeper NAME HOME: a user whose door leads to something else than a node's own backups
make_keeper() {
    local home
    home=$(getent passwd "$1" | cut -d : -f 6) || home=''
    [[ -z $home || $home == "$2" ]] || die "the user $1, at home in $home, was not made by kaizen-onboard; nothing was done"
    [[ $(id -u "$1" 2>/dev/null) != 0 ]] || die "the user $1 is root under another name; nothing was done"
    make_user "$1" "$2" 'a door to kept backups'
}

# own MODE OWNER GROUP PATH LABEL
own() {
    attempt "give $4 to $2:$3" chown -h -- "$2:$3" "$4"
    attempt "give $4 its mode" chmod -- "$1" "$4"
    is_labelled || return 0
    if [[ $5 == - ]]; then
        ! has restorecon || attempt "give $4 its SELinux type" restorecon -F -- "$4"
    else
        attempt "give $4 its SELinux type" chcon -t "$5" -- "$4"
    fi
}

make_directory() {
    [[ ! -L $5 && (-d $5 || ! -e $5) ]] || die "$5 is there and is no directory; move it away"
    [[ -d $5 ]] || attempt "make the directory $5" mkdir -- "$5"
    own "$1" "$2" "$3" "$5" "$4"
    did "directory $5"
}

# The name of a file while it is written: neither cron, be it Debian's or EL's, nor sudo, systemd or logrotate reads one
# that ends so. A dot in front would not do: logrotate then takes any ending.
unfinished() { printf '%s.kaizen.rpmnew' "$1"; }

# write_file MODE OWNER GROUP LABEL PATH: with `content`
write_file() {
    local path=$5 new
    new=$(unfinished "$5")
    # shellcheck disable=SC2064 # this file, whatever ends the script
    trap "rm -f -- $(printf %q "$new")" EXIT
    [[ ! -d $path || -L $path ]] || die "$path is there and is a directory; move it away"
    # Not every system has these directories; they belong to everybody.
    [[ $path != /usr/local/share/man/* ]] || (umask 022 && attempt "make ${path%/*}" mkdir -p -- "${path%/*}")
    attempt "write in ${path%/*}" rm -f -- "$new"
    if ! (set -o noclobber && put >"$new") 2>/dev/null; then
        local why
        why=$(put 2>&1 >"$new") || true
        die "cannot write $path: $(last_words "${why##*: }")"
    fi
    judge "$path" "$new" || exit 78
    own "$1" "$2" "$3" "$new" -
    attempt "put $path in its place" mv -fT -- "$new" "$path"
    trap - EXIT
    ! is_labelled || own "$1" "$2" "$3" "$path" "$4"
    did "file $path"
}

put() {
    [[ ${#content[@]} -eq 0 ]] || printf '%s\n' "${content[@]}"
}

# judge PATH FILE: does the program that is to read it take it?
judge() {
    case $1 in
        /etc/kaizen/node.conf) judged "$1" /usr/local/sbin/kaizen-backup check-config "$2" ;;
        /etc/sudoers.d/*) judged "$1" visudo -cf "$2" ;;
    esac
}

judged() {
    local path=$1 said
    shift
    if ! said=$("$@" 2>&1 </dev/null); then
        printf 'kaizen-onboard: %s is refused: %s\n' "$path" "$(last_words "$said")" >&2
        return 1
    fi
}

remove() {
    local new
    new=$(unfinished "$1")
    [[ ! -f $new ]] || attempt "remove $new" rm -f -- "$new"
    [[ -e $1 || -L $1 ]] || return 0
    attempt "remove $1" rm -rf -- "$1"
    did "removed $1"
}

# Only an empty one, and one that something is mounted on stays; so does one that a package has brought.
remove_directory() {
    [[ -d $1 && ! -L $1 && -z $(ls -A -- "$1") ]] || return 0
    ! rpm -qf -- "$1" >/dev/null 2>&1 || return 0
    ! rmdir -- "$1" 2>/dev/null || did "removed $1"
}

# What the agent remembers, and what a run that was killed has left.
remove_memory() {
    local found
    found=$(find "$1" -mindepth 1 -maxdepth 1 \( -name 'seen.*' -o -name 'files.*' -o -name 'dumps.*' -o -name last-run \
        -o -name last-run.new -o -name 'work.??????' -o -name 'restore.??????' \) -print 2>/dev/null) || return 0
    while IFS= read -r found; do
        [[ -z $found ]] || remove "$found"
    done <<<"$found"
}

remove_logs() {
    local file
    for file in "$1" "$1".[0-9] "$1".[0-9].gz "$1"-[0-9]* "$1".[0-9][0-9].gz; do
        remove "$file"
    done
}

# Snapshots and what is unfinished, by the form of their names; nothing else that somebody keeps there.
remove_snapshots() {
    local entry form='^([0-9]{4}-[0-9]{2}-[0-9]{2}(\.[0-9]+)?|\.partial-.*|\.expired-.*)$'
    [[ -d $1 && ! -L $1 ]] || return 0
    for entry in "$1"/[0-9]* "$1"/.partial-* "$1"/.expired-*; do
        [[ ! ${entry##*/} =~ $form || ! -d $entry || -L $entry ]] || remove "$entry"
    done
}

remove_user() {
    if getent passwd "$1" >/dev/null; then
        # Somebody may be reading through the door; it is locked by now.
        pkill -KILL -u "$1" 2>/dev/null || true
        local tries
        for ((tries = 0; tries < 50; tries++)); do
            pgrep -u "$1" >/dev/null 2>&1 || break
            sleep 0.1
        done
        attempt "remove the user $1" userdel "$1"
        did "removed user $1"
    fi
    ! getent group "$1" >/dev/null || {
        attempt "remove the group $1" groupdel "$1"
        did "removed group $1"
    }
}

start_timer() {
    attempt 'read the units anew' systemctl daemon-reload
    attempt 'start the timer' systemctl enable --now kaizen-backup.timer
    attempt 'set the timer anew' systemctl restart kaizen-backup.timer
    did 'timer on'
}

# A run that is under way is left to end. A stamp that stayed would make the next timer run at once.
stop_timer() {
    [[ -e /etc/systemd/system/kaizen-backup.timer ]] || return 0
    attempt 'stop the timer' systemctl disable --now kaizen-backup.timer
    rm -f /var/lib/systemd/timers/stamp-kaizen-backup.timer
    did 'timer off'
}

reload_units() {
    [[ ! -d /run/systemd/system ]] || attempt 'read the units anew' systemctl daemon-reload
}

# must_be_ours USER: nothing is taken away from what somebody else has put here.
must_be_ours() {
    local home
    ! is_puppets || die "Puppet configures this host's backups (quickstack::backups is in its last catalogue); leave it to Puppet"
    home=$(getent passwd "$1" | cut -d : -f 6) || home='' # there is none of that name any more
    [[ -z $home || $home == /var/lib/kaizen ]] || die "the user $1, at home in $home, was not made by kaizen-onboard; nothing was done"
}

must_be_idle() {
    [[ ! -e /run/kaizen-backup.lock ]] || flock -n /run/kaizen-backup.lock true ||
        die 'a backup is running on the host; try again when it is done' 75
}

make_snapshot() {
    attempt 'make a snapshot' /usr/local/sbin/kaizen-backup run
    did snapshot
}

# The line that says who this is, for `kaizen-onboard accept`.
introduce() {
    local type key
    for type in ed25519 ecdsa rsa; do
        if read -r type key _ 2>/dev/null <"/etc/ssh/ssh_host_${type}_key.pub"; then
            printf '\nAll is done here. On the collector:\n\nkaizen-onboard accept '\''%s %s %s'\''\n' "$1" "$type" "$key"
            return
        fi
    done
    die 'sshd has no host key in /etc/ssh'
}

apply() {
    local keyword rest words
    [[ $EUID -eq 0 ]] || die 'only root can do this'
    while next_line; do
        read -r -a words <<<"$rest"
        case $keyword in
            need) has "$rest" || die "$rest is not installed here; install it first" ;;
            ours) must_be_ours "$rest" ;;
            idle) must_be_idle ;;
            install) install_packages "${words[@]}" ;;
            user) make_user "$rest" /var/lib/kaizen 'reads the backups of this node' ;;
            keeper) make_keeper "${words[0]}" "${words[1]}" ;;
            directory) make_directory "${words[@]:0:4}" "$rest_path" ;;
            file) write_file "${words[@]:0:4}" "$rest_path" ;;
            own) own "${words[@]:0:3}" "$rest_path" "${words[3]}" && did "owner and mode of $rest_path" ;;
            gone) remove "$rest" ;;
            empty) remove_directory "$rest" ;;
            memory) remove_memory "$rest" ;;
            logs) remove_logs "$rest" ;;
            snapshots) remove_snapshots "$rest" ;;
            nouser) remove_user "$rest" ;;
            timer) if [[ $rest == on ]]; then start_timer; else stop_timer; fi ;;
            reload) reload_units ;;
            snapshot) make_snapshot ;;
            introduce) introduce "$rest" ;;
            *) die "apply: unknown keyword '$keyword'" ;;
        esac
    done
}

### The data.

# Set keyword, rest and content; rest_path is what stands behind the fourth word.
next_line() {
    [[ $at -lt ${#data[@]} ]] || return 1
    keyword=${data[at]%% *}
    rest=${data[at]#"$keyword"}
    rest=${rest# }
    rest_path=${rest#* * * * }
    at=$((at + 1))
    content=()
    while [[ $at -lt ${#data[@]} && ${data[at]} == '|'* ]]; do
        content+=("${data[at]#|}")
        at=$((at + 1))
    done
}

main() {
    local mode=$1
    mapfile -t data
    [[ ${#data[@]} -gt 0 && ${data[${#data[@]} - 1]} == 'end of data' ]] || die 'what was sent is cut short; nothing was done'
    unset "data[${#data[@]}-1]"
    if [[ $mode == by_hand ]]; then
        apply
        return
    fi
    # Between these two stands what is said here; anything else comes from somebody's .bashrc, or was cut off.
    echo 'hello kaizen 1'
    "$mode"
    echo 'done'
}
