#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# What node_exporter's textfile collector reads of a node's runs.

load node

METRICS=/var/lib/node_exporter

with_metrics() {
    rm -rf "${NODE:?}$METRICS"
    mkdir -p "$NODE$METRICS"
    config 'path = /srv/data' 'path = /srv/other' "metrics_dir = $METRICS" "$@"
}

file() { printf '%s' "$NODE$METRICS/kaizen_backup.prom"; }

# value NAME: what the file says of a metric.
value() { sed -n "s/^kaizen_backup_$1\({.*}\)\{0,1\} //p" "$(file)"; }

# between NAME FIRST LAST: the metric is a time from FIRST to LAST, in UTC.
between() {
    [[ $(value "$1") -ge $(date -u -d "$2" +%s) && $(value "$1") -le $(date -u -d "$3" +%s) ]] || {
        echo "$1 is $(value "$1"), not from $2 to $3"
        return 1
    }
}

@test "a good run writes what it made, so that promtool has nothing to say about it" {
    with_metrics
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ -z $output ]]
    promtool check metrics <"$(file)"
    [[ $(value last_run_success) == 1 ]]
    between last_run_timestamp_seconds '2026-11-24 01:00:00' '2026-11-24 01:10:00'
    between last_success_timestamp_seconds '2026-11-24 01:00:00' '2026-11-24 01:10:00'
    [[ $(value files) == 3 && $(value size_bytes) == 14 && $(value changed_bytes) == 14 && $(value warnings) == 0 ]]
    [[ $(value duration_seconds) -ge 0 ]]
    version=$(agent --version)
    grep -qxF "kaizen_backup_info{version=\"${version#* }\",role=\"empty\"} 1" "$(file)"
    [[ $(ls -A "$NODE$METRICS") == kaizen_backup.prom ]]
    [[ $(stat -c '%a %U:%G' "$(file)") == '644 root:root' ]]
}

@test "a run that fails says so, and the last success stays what it was" {
    with_metrics
    at '2026-11-23 01:00:00' && agent run
    success=$(value last_success_timestamp_seconds)
    rm -r "$NODE/srv/other"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    [[ $(value last_run_success) == 0 ]]
    between last_run_timestamp_seconds '2026-11-24 01:00:00' '2026-11-24 01:10:00'
    [[ $(value last_success_timestamp_seconds) == "$success" && $(value files) == 3 ]]
}

@test "where no run was ever good there is no last success, and a run with wrong settings is one that failed" {
    with_metrics 'colour = blue'
    run agent run
    assert_status 78
    [[ $(value last_run_success) == 0 ]]
    [[ -z $(value last_success_timestamp_seconds) && -z $(value files) ]]
    promtool check metrics <"$(file)"
}

@test "a role that is no role's name fails the run, and the metrics still say so" {
    with_metrics 'role = my"role'
    run agent run
    assert_status 78
    [[ $(value last_run_success) == 0 ]]
    promtool check metrics <"$(file)"
}

@test "a dry run, a second run of the day and a run beside another leave the metrics as they are" {
    with_metrics
    agent run --dry-run
    [[ ! -e $(file) ]]
    at '2026-11-24 01:00:00' && agent run
    before=$(cat "$(file)")
    at '2026-11-24 09:00:00' && agent run
    [[ $(cat "$(file)") == "$before" ]]
    spawn flock /run/kaizen-backup.lock sleep 300
    until ! flock -n "$NODE/run/kaizen-backup.lock" true; do :; done
    run agent run --again
    kill -- -"$PID"
    assert_status 75
    [[ $(cat "$(file)") == "$before" ]]
}

@test "metrics that can't be written are said, and change nothing about the run" {
    with_metrics
    rmdir "$NODE$METRICS"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    assert_output_has "the metrics could not be written: $METRICS/kaizen_backup.prom"
    [[ $(snapshots) == 2026-11-24 ]]
    grep -q 'warning: the metrics could not be written' "$NODE/var/log/kaizen-backup.log"
}

@test "in a directory of somebody else's no link is followed, and what a killed run left goes" {
    with_metrics
    chroot "$NODE" chown nobody "$METRICS"
    echo mine >"$NODE/etc/precious"
    ln -s /etc/precious "$(file)"
    ln -s /etc/precious "$NODE$METRICS/.kaizen_backup.prom.1"
    agent run
    [[ $(cat "$NODE/etc/precious") == mine ]]
    [[ ! -L $(file) && $(value last_run_success) == 1 ]]
    [[ $(ls -A "$NODE$METRICS") == kaizen_backup.prom ]]
}

@test "metrics_dir is an absolute path in node.conf, once" {
    config 'path = /srv/data' 'metrics_dir = metrics'
    run agent check-config
    assert_status 78
    assert_output_has "/etc/kaizen/node.conf:3: metrics_dir: 'metrics' must be an absolute path"
}

@test "where metrics_dir moves or goes, what was written there goes too; a mistake in the settings changes nothing" {
    with_metrics
    at '2026-11-22 01:00:00' && agent run
    config 'colour = blue'
    at '2026-11-23 01:00:00'
    run agent run
    assert_status 78
    [[ $(value last_run_success) == 0 && -n $(value last_success_timestamp_seconds) ]]
    rm "$(file)"
    config 'metrics_dir = metrics'
    run agent run
    assert_status 78
    [[ $(value last_run_success) == 0 ]]
    mkdir "$NODE/srv/metrics"
    config 'path = /srv/data' 'metrics_dir = /srv/metrics'
    at '2026-11-23 02:00:00' && agent run
    [[ ! -e $(file) && -e $NODE/srv/metrics/kaizen_backup.prom ]]
    config 'path = /srv/data'
    at '2026-11-24 01:00:00' && agent run
    [[ ! -e $NODE/srv/metrics/kaizen_backup.prom ]]
}
