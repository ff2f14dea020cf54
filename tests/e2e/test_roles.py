"""A HIL master without Puppet, with the old backups of before, and a Foreman that Puppet configures."""

from collections.abc import Iterator

import pytest

from bare_host import BareHosts
from lab import Fleet
from lab.services import start_postgresql

NIGHT = "2026-11-24 01:00:00"
STORE = "/backups/nodes/hil.kaizen.example"
HIL = """
mkdir -p /var/lib/hil /etc/libvirt/qemu
printf '[database]\\nuri = sqlite:////var/lib/hil/hil.db\\n' >/etc/hil.cfg
sqlite3 /var/lib/hil/hil.db "CREATE TABLE node (id INTEGER PRIMARY KEY, label TEXT);
    INSERT INTO node (label) VALUES ('n1'), ('n2');"
"""
OLD = """
mkdir -p /srv/old/etc && cd /srv/old && mkdir -p tree/etc
for day in DAYS; do
    echo "of $day" >tree/etc/hil.cfg
    tar -C tree -czf "etc/etc-${day//-/}.tgz" etc
    echo "dump of $day" | gzip >"hil-$day.sql.gz"
done
rm -r tree
"""


@pytest.fixture(scope="module")
def bare() -> Iterator[BareHosts]:
    with Fleet("roles") as fleet:
        yield BareHosts(fleet, "hil", "foreman")


def test_an_onboarded_hil_masters_database_is_collected(bare: BareHosts) -> None:
    hil = bare.hosts["hil"]
    hil.sh(HIL)
    added = bare.add("hil", "--role", "hil")
    assert added.code == 0, added.describe()
    assert "the databases that HIL's and OBMd's settings name" in added.out
    hil.run(["kaizen-backup", "run"], at=NIGHT)
    bare.collector.run(["kaizen", "collect"], at="2026-11-24 03:00:00")
    dump = f"{STORE}/2026-11-24/dumps/sqlite/var%2Flib%2Fhil%2Fhil.db.zst"
    bare.collector.sh('zstd -qdc "$1" >/tmp/hil.db', dump)
    assert bare.collector.run(["sqlite3", "/tmp/hil.db", "SELECT * FROM node"]).out == "1|n1\n2|n2\n"


def test_its_old_backups_are_found_kept_verified_and_restored_as_its_own_are(bare: BareHosts) -> None:
    collector = bare.collector
    collector.sh("echo 'keep: {days: 8, months: 12}' >>/etc/kaizen/collector.yaml")
    collector.sh(OLD.replace("DAYS", "2026-06-01 2026-07-01 2026-11-01"))
    moment = "2026-11-24 04:00:00"
    command = ["kaizen-onboard", "import-legacy", "/srv/old", "--node", "hil.kaizen.example"]
    done = collector.run(command, at=moment)
    assert "made 3 snapshots" in done.out
    # November has newer ones.
    assert "1 snapshot of these will go with the next run" in done.err
    collector.run(["kaizen", "verify", "hil.kaizen.example"], at=moment)
    # The next night's collection goes well, and keeps one of each month.
    bare.hosts["hil"].run(["kaizen-backup", "run"], at="2026-11-25 01:00:00")
    collector.run(["kaizen", "collect"], at="2026-11-25 03:00:00")
    nights = collector.run(["ls", STORE]).out.split()
    assert nights == ["2026-06-01", "2026-07-01", "2026-11-24", "2026-11-25"]
    restore = [
        "kaizen",
        "restore",
        "hil.kaizen.example",
        "/etc/hil.cfg",
        "--at",
        "2026-07-01",
        "--to",
        "/srv/back",
        "--yes",
    ]
    collector.sh("mkdir /srv/back")
    collector.run(restore, at="2026-11-25 04:00:00")
    assert collector.read("/srv/back/etc/hil.cfg") == "of 2026-07-01\n"
    old = [f"hil-2026-{month}-01.sql.gz" for month in ("06", "07", "11")]
    assert collector.run(["ls", "/srv/old"]).out.split() == ["etc", *old]


def test_on_the_host_itself_they_stand_beside_its_own_and_are_collected(bare: BareHosts) -> None:
    hil = bare.hosts["hil"]
    hil.sh(OLD.replace("DAYS", "2026-08-01 2026-09-01 2026-10-01"))
    hil.write("/usr/local/bin/kaizen-onboard", bare.collector.read("/usr/local/bin/kaizen-onboard"), mode=0o755)
    done = hil.run(["kaizen-onboard", "import-legacy", "/srv/old"], at="2026-11-25 05:00:00")
    assert "made 3 snapshots in /backups" in done.out
    assert "raise keep_days" in done.err
    hil.run(["kaizen-backup", "verify"], at="2026-11-25 05:00:00")
    restored = ["kaizen-backup", "restore", "/etc/hil.cfg", "--at", "2026-08-01", "--to", "/tmp"]
    hil.run(restored, at="2026-11-25 05:00:00")
    assert hil.read("/tmp/etc/hil.cfg") == "of 2026-08-01\n"
    bare.collector.run(["kaizen", "collect"], at="2026-11-25 06:00:00")
    assert {"2026-08-01", "2026-09-01", "2026-10-01"} <= set(bare.collector.run(["ls", STORE]).out.split())


def test_puppet_gives_a_node_the_role_foreman(bare: BareHosts) -> None:
    node = bare.hosts["foreman"]
    start_postgresql(node)
    node.run(["createdb", "foreman"], user="postgres")
    node.sh("""
        mkdir -p /etc/foreman /etc/foreman-installer/scenarios.d /var/lib/foreman/public
        echo key >/etc/foreman/encryption_key.rb
        echo answers >/etc/foreman-installer/scenarios.d/foreman-answers.yaml
        echo js >/var/lib/foreman/public/a.js""")
    node.puppet_apply("class { 'quickstack::backups': role => 'foreman', excludes => ['/etc/puppet/code'] }")
    node.run(["kaizen-backup", "run"], at=NIGHT)
    snapshot = "/backups/2026-11-24"
    assert node.read(f"{snapshot}/etc/foreman/encryption_key.rb") == "key\n"
    assert node.read(f"{snapshot}/etc/foreman-installer/scenarios.d/foreman-answers.yaml") == "answers\n"
    assert node.sh(f"ls {snapshot}/var/lib/foreman").out == ""
    assert "foreman.dump.zst" in node.sh(f"ls {snapshot}/dumps/postgresql").out
    node.run(["kaizen-backup", "verify"], at=NIGHT)
