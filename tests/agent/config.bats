#!/usr/bin/env bats
# node.conf and role files: parsed, never sourced; a mistake is named with file and line, and nothing is backed up.

load node

refuses() { # LINE MESSAGE
    config 'path = /srv/data' "$1"
    run agent check-config
    assert_status 78
    assert_output_has "/etc/kaizen/node.conf:3: $2"
    run agent run
    assert_status 78
    [[ -z $(ls -A "$NODE/backups") ]]
}

@test "a good configuration is said to be good" {
    config '' '  # a comment' '  path   =   /srv/data  ' 'exclude = *.tmp' 'keep_days=7' 'rsync_arg = --bwlimit=20m' 'dump = mysql'
    run agent check-config
    assert_status 0
    assert_output_has 'good: role empty, 1 paths, 1 excludes, 1 dumps'
}

@test "every shipped role is good" {
    local file
    for file in "$REPO"/files/backups/roles/*.conf; do
        printf 'role = %s\n' "$(basename "$file" .conf)" >"$NODE/etc/kaizen/node.conf"
        run agent check-config
        assert_status 0
    done
}

@test "check-config reads the file it is given" {
    printf 'role = empty\npath = relative\n' >"$NODE/etc/kaizen/node.conf.new"
    run agent check-config /etc/kaizen/node.conf.new
    assert_status 78
    assert_output_has '/etc/kaizen/node.conf.new:2: path:'
}

@test "mistakes are refused with file and line" {
    refuses 'pathh = /srv' "unknown key 'pathh'"
    refuses 'path /srv' "expected 'key = value'"
    refuses 'path = srv' "path: 'srv' must be absolute"
    refuses 'path = /srv/../etc' "path: '/srv/../etc' must be absolute"
    refuses 'path = /' "path: '/' must be absolute, below /"
    refuses 'path = /dumps/x' "path: '/dumps/x' would stand where the snapshot keeps its own dumps"
    refuses 'path =' 'path: the value is empty'
    refuses $'path = /srv\tx' 'path: the value is empty or holds a control character'
    refuses 'keep_days = 0' "keep_days: '0' is not a number of days"
    refuses 'keep_days = two' "keep_days: 'two' is not"
    refuses 'verbosity = 4' "verbosity: '4' is not"
    refuses 'dry_run = yes' "dry_run: 'yes' is not true or false"
    refuses 'role = ../x' "role stands already at line 1"
    refuses 'backups_dir = backups' "backups_dir: 'backups' must be an absolute path"
    refuses 'dump = oracle' "dump: 'oracle' is not one of"
    refuses 'rsync_arg = -b' "rsync_arg: '-b' is not one of"
    refuses 'rsync_arg = --inplace' "rsync_arg: '--inplace' is not one of"
    refuses 'rsync_arg = --remove-source-files' "rsync_arg: '--remove-source-files' is not one of"
    refuses 'rsync_arg = --version' "rsync_arg: '--version' is not one of"
    refuses 'rsync_arg = --bwlimit' "rsync_arg: '--bwlimit' is not one of"
}

@test "a name of the snapshots' place that find and rsync take for a pattern is refused, through a symlink, too" {
    ln -s '/b[1]' "$NODE/snapshots"
    config 'path = /srv/data' 'backups_dir = /snapshots'
    run agent run
    assert_status 78
    assert_output_has '/etc/kaizen/node.conf: backups_dir: /b[1] has one of'
}

@test "a role that does not exist is named" {
    printf 'role = nosuch\n' >"$NODE/etc/kaizen/node.conf"
    run agent check-config
    assert_status 78
    assert_output_has '/etc/kaizen/roles/nosuch.conf: no such file'
}

@test "a configuration that saves nothing is refused" {
    config
    run agent check-config
    assert_status 78
    assert_output_has 'nothing to back up'
}

@test "nothing in the configuration is executed" {
    config "path = /srv/\$(touch /srv/executed)" 'exclude = `touch /srv/executed`' 'path = /srv/data'
    run agent run
    [[ ! -e $NODE/srv/executed ]]
}

@test "usage errors exit 2 and point to --help, which has an example for each command" {
    local command
    run agent
    assert_status 2
    run agent fly
    assert_status 2
    assert_output_has "unknown command 'fly'"
    run agent run --fast
    assert_status 2
    assert_output_has '--help'
    for command in run list check-config; do
        run agent "$command" --help
        assert_status 0
        assert_output_has "kaizen-backup $command"
        assert_output_has Example
    done
}

@test "the agent's version is the module's" {
    run agent --version
    assert_status 0
    [[ $output == "kaizen-backup $(sed -n 's/.*"version": "\([0-9.]*\)",.*/\1/p' "$REPO/metadata.json" | head -1)" ]]
}
