#!/usr/bin/env bats
# What is saved is what there was: everything that a file system says of a file.

load node

# The other tool's word: rsync, on its own, finds no difference.
no_difference() {
    run on_node rsync -naHAXcR --numeric-ids --modify-window=-1 --delete --itemize-changes /srv /backups/2026-11-24/
    assert_status 0
    [[ -z $output ]] || {
        echo "$output"
        return 1
    }
}

furnish() {
    cd "$NODE/srv/data" || return
    touch -d '2020-02-02 02:02:02.123456789' old
    chown 1234:5678 old && chmod 4751 old
    setfacl -m u:1234:rw,g:5678:r sub && setfacl -d -m u:1234:r sub
    setfattr -n user.origin -v 'a value' a && setfattr -n trusted.mark -v x a
    cp /bin/true ping && setcap cap_net_raw+ep ping
    ln a hard-link && ln a sub/hard-link
    ln -s a link && ln -s /nowhere dangling && ln -s ../../etc directory-link
    truncate -s 50M sparse && printf end >>sparse
    mkfifo fifo && mknod null c 1 3
    mkdir -m 1777 sticky && mkdir -m 0000 closed && touch closed/inside
    touch 'a b' $'new\nline' $'tab\tname' $'\x1b[31mred' $'latin\xe9' -- -rf '*' '?' '[a]' "quote'" '$(id)' '#x' ' ' '~'
    touch "$(printf 'n%.0s' {1..255})"
    mkdir -p $'deep\n/er' && echo x >$'deep\n/er/\\file'
    cd / || return
}

@test "owner, mode, nanoseconds, ACL, xattr, capability, hard links, holes, devices, odd names" {
    furnish
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    no_difference
    assert_whole
    local snapshot=$NODE/backups/2026-11-24/srv/data
    [[ $(stat -c '%u:%g %a %.9Y' "$snapshot/old") == '1234:5678 4751 '*.123456789 ]]
    getcap "$snapshot/ping" | grep -q cap_net_raw
    [[ $(stat -c %i "$snapshot/a") == "$(stat -c %i "$snapshot/sub/hard-link")" ]]
    [[ $(du -k "$snapshot/sparse" | cut -f1) -lt 1000 ]]
    [[ $(readlink "$snapshot/dangling") == /nowhere ]]
}

@test "all of it is still a link on the next night" {
    furnish
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    no_difference
    assert_whole
    grep -qx 'changed_files = 0' "$NODE/backups/2026-11-24/backup.info"
    [[ $(inode backups/2026-11-23/srv/data/ping) == "$(inode backups/2026-11-24/srv/data/ping)" ]]
}

@test "chmod, chown, setfacl, setfattr, touch on a source file: yesterday's copy keeps yesterday's" {
    local change file before
    cd "$NODE/srv/data" || return
    for file in 1 2 3 4 5 6; do echo "$file" >"$file"; done
    cd / || return
    at '2026-11-23 01:00:00' && agent run
    before=$(
        picture
        getfacl -R -n "$NODE/backups/2026-11-23" 2>/dev/null
        getfattr -R -d -m- "$NODE/backups/2026-11-23" 2>/dev/null
    )
    cd "$NODE/srv/data" || return
    chmod 0600 1
    chown 1:1 2
    setfacl -m u:7:rwx 3
    setfattr -n user.x -v y 4
    touch -d 2001-01-01 5
    chmod 4755 6
    cd / || return
    at '2026-11-24 01:00:00' && agent run
    [[ $(
        picture | grep 2026-11-23
        getfacl -R -n "$NODE/backups/2026-11-23" 2>/dev/null
        getfattr -R -d -m- "$NODE/backups/2026-11-23" 2>/dev/null
    ) == "$before" ]]
    no_difference
    for change in 1 2 3 4 5 6; do
        [[ $(inode "backups/2026-11-23/srv/data/$change") != "$(inode "backups/2026-11-24/srv/data/$change")" ]]
    done
}
