"""A host without Puppet: protected by one command, watched, and left as it was found."""

import json
from collections.abc import Iterator

import pytest

from bare_host import BareHosts, differing, fingerprint
from lab import Fleet, Node
from lab.services import restart_cron, start_mariadb, start_nginx

SHOP = "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT); INSERT INTO shop.orders VALUES (4711);"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ other"

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.fixture(scope="module")
def bare() -> Iterator[BareHosts]:
    with Fleet("onboard") as fleet:
        bare = BareHosts(fleet, "www", "drift", "gone", "puppet", "person")
        www = bare.hosts["www"]
        start_mariadb(www)
        www.run(["mariadb"], input=SHOP)
        start_nginx(www)
        www.sh("echo '<h1>Shop</h1>' >/var/www/html/index.html")
        yield bare


def test_one_command_protects_a_host_and_the_first_night_brings_its_database(bare: BareHosts) -> None:
    www = bare.hosts["www"]
    done = bare.add("www", "--at", "01:00")
    assert done.code == 0, done.describe()
    assert "role website: nginx runs here" in done.out
    assert "every database of MySQL or MariaDB" in done.out
    www.at = "2026-11-24 00:59:58"
    restart_cron(www)
    www.sh("until [[ -d /backups/2026-11-24 ]]; do sleep 0.2; done", timeout=60)
    collected = bare.collector.run(["kaizen", "collect"], at="2026-11-24 03:00:00", check=False)
    assert collected.code == 0, collected.describe()
    stored = f"/backups/nodes/{www.name}/2026-11-24"
    dump = bare.collector.sh(f"zstd -dc {stored}/dumps/mysql/shop.sql.zst")
    assert "4711" in dump.out
    assert bare.collector.read(f"{stored}/var/www/html/index.html") == "<h1>Shop</h1>\n"
    bare.collector.run(["kaizen", "status"], at="2026-11-24 03:10:00")


def test_run_again_it_changes_nothing_and_says_so(bare: BareHosts) -> None:
    before = bare.trace("www")
    registered = bare.collector.read("/etc/kaizen/nodes.d/www.kaizen.example.yaml")
    again = bare.onboard("www.kaizen.example")
    assert again.code == 0
    assert "www.kaizen.example: nothing to change" in again.out
    assert differing(before, bare.trace("www")) == []
    assert bare.collector.read("/etc/kaizen/nodes.d/www.kaizen.example.yaml") == registered
    assert bare.onboard("check", "--all").code == 0


def test_another_option_changes_what_it_is_about_and_nothing_else(bare: BareHosts) -> None:
    before = bare.trace("www")
    assert bare.onboard("www.kaizen.example", "--keep-days", "5").code == 0
    assert differing(before, bare.trace("www")) == ["etc/kaizen/node.conf"]
    assert "\nkeep_days = 5\n" in bare.hosts["www"].read("/etc/kaizen/node.conf")
    (host,) = json.loads(bare.onboard("list", "--json").out)["hosts"]
    assert (host["declaration"]["keep_days"], host["declaration"]["role"]) == (5, "website")


def test_a_dry_run_touches_nothing(bare: BareHosts) -> None:
    before = bare.trace("gone")
    shown = bare.add("gone", "--dry-run")
    assert shown.code == 0
    assert "+ /etc/sudoers.d/kaizen-backup" in shown.out
    assert differing(before, bare.trace("gone")) == []
    assert "gone" not in bare.onboard("list").out


DRIFT = {
    "echo 'keep_days = 9' >>/etc/kaizen/node.conf": "/etc/kaizen/node.conf: its content differs",
    "chmod 0644 /etc/sudoers.d/kaizen-backup": "/etc/sudoers.d/kaizen-backup: its mode is 0644, and is to be 0440",
    "chown nobody /etc/kaizen/rsyncd.conf": "/etc/kaizen/rsyncd.conf: its owner is nobody, and is to be root",
    "chgrp nogroup /var/lib/kaizen": "/var/lib/kaizen: its group is nogroup, and is to be kaizen",
    "rm /etc/kaizen/roles/website.conf": "/etc/kaizen/roles/website.conf: is missing",
    "echo '# x' >>/usr/local/sbin/kaizen-backup": "/usr/local/sbin/kaizen-backup: its content differs",
    f"echo '{OTHER_KEY}' >>/var/lib/kaizen/.ssh/authorized_keys": "authorized_keys: its content differs",
    "rm /etc/cron.d/kaizen-backup": "/etc/cron.d/kaizen-backup: is missing",
    "usermod --shell /bin/bash kaizen": "user kaizen: its shell is /bin/bash, and is to be /bin/sh",
    "usermod --append --groups adm kaizen": "it is in other groups: adm",
    "echo kaizen:secret | chpasswd": "it has a password",
    "echo x >/var/lib/kaizen/.ssh/rc": "/var/lib/kaizen/.ssh/rc: is there, and lets in who knows whom",
    "echo 'kaizen ALL=(ALL) /bin/ls' >/etc/sudoers.d/more": "some file lets it do more: (ALL) /bin/ls",
    "chmod 0755 /backups": "/backups: its mode is 0755, and is to be 0700",
    "rm -rf /etc/logrotate.d/kaizen-backup && mkdir /etc/logrotate.d/kaizen-backup": "is a directory",
    "pkill -x cron": "schedule: cron does not run on this host",
    "echo 'DenyUsers kaizen' >/etc/ssh/sshd_config.d/no.conf && pkill -HUP -o -x sshd": "door: ",
}


def test_a_check_names_every_change_that_was_made_by_hand_and_an_upgrade_mends_them(bare: BareHosts) -> None:
    drift = bare.hosts["drift"]
    assert bare.add("drift", "--role", "generic").code == 0
    assert bare.onboard("check", "drift.kaizen.example").out == "drift.kaizen.example: as it should be\n"
    for change, complaint in DRIFT.items():
        drift.sh(change)
        checked = bare.onboard("check", drift.name)
        assert checked.code == 1
        assert complaint in checked.out, change
    assert bare.onboard("upgrade", drift.name).code == 1  # a directory is not removed, whatever stands in it
    drift.sh("rm -r /etc/logrotate.d/kaizen-backup /etc/sudoers.d/more /etc/ssh/sshd_config.d/no.conf; cron")
    drift.sh(
        "pkill -HUP -o -x sshd; until ssh-keyscan -t ed25519 localhost 2>/dev/null | grep -q .; do sleep 0.1; done"
    )
    mended = bare.onboard("upgrade", "--all")
    assert mended.code == 0, mended.describe()
    assert bare.onboard("check", drift.name).out == "drift.kaizen.example: as it should be\n"


def test_removed_it_leaves_no_trace(bare: BareHosts) -> None:
    gone = bare.hosts["gone"]
    gone.sh("chmod 0700 /backups")  # it is a mount, and stays
    bare.onboard("gone.kaizen.example", "--fingerprint", "SHA256:none")
    before = bare.trace("gone")
    assert bare.add("gone", "--now", "--dump", "packages", "--dump-recipient", RECIPIENT).code == 0
    made = differing(before, bare.trace("gone"))
    assert len(made) > 20
    assert any(path.startswith("var/lib/kaizen/dumps.") for path in made)  # sums of what nobody else can read
    # On Enterprise Linux this directory is a package's.
    gone.write("/usr/local/bin/rpm", '#!/bin/sh\n[ "$*" = "-qf -- /usr/local/share/man/man5" ]\n', mode=0o755)
    kept = bare.onboard("remove", gone.name, "--yes")
    assert kept.code == 0, kept.describe()
    gone.sh("rm /usr/local/bin/rpm; rmdir /usr/local/share/man/man5")
    left = differing(before, bare.trace("gone"))
    assert left
    assert all(path.startswith("backups/20") for path in left)
    stored = bare.collector.path(f"/backups/nodes/{gone.name}")
    assert list(stored.iterdir())
    assert gone.name not in bare.onboard("list").out + bare.collector.run(["kaizen", "nodes"]).out
    assert bare.add("gone").code == 0
    assert bare.onboard("remove", gone.name, "--yes", "--purge-local").code == 0
    assert differing(before, bare.trace("gone")) == []
    assert gone.sh("ls -A /var/log | grep kaizen", check=False).out == ""
    assert list(stored.iterdir())


def test_the_same_host_configured_by_puppet_has_the_same_files(bare: BareHosts) -> None:
    node = bare.hosts["puppet"]
    node.sh("mkdir -p /srv/www && echo x >/srv/www/x")
    options = ["--role", "website", "--path", "/srv/www", "--exclude", "*.tmp", "--dump", "command:true:/bin/true"]
    options += ["--dump-recipient", RECIPIENT]
    done = bare.add("puppet", *options, "--keep-days", "4", "--mail", "ops@kaizen.example")
    assert done.code == 0, done.describe()
    onboarded = _ours(node)
    assert bare.onboard("remove", node.name, "--yes", "--purge-local").code == 0
    key = bare.collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
    node.puppet_apply(
        f"""class {{ 'quickstack::backups':
            role => 'website', paths => ['/srv/www'], excludes => ['*.tmp'], dumps => ['command:true:/bin/true'],
            dump_recipients => ['{RECIPIENT}'],
            keep_days => 4, cron_email => 'ops@kaizen.example', collector_keys => ['{key}'],
        }}"""
    )
    assert _ours(node) == onboarded
    # An agent writes this down; `puppet apply` does not.
    node.write("/var/cache/puppet/state/classes.txt", "settings\nquickstack::backups\nquickstack::backups::agent\n")
    refused = bare.add("puppet", "--role", "website")
    assert refused.code == 1
    assert "Puppet configures its backups" in refused.err
    before = bare.trace("puppet")
    kept = bare.onboard("remove", node.name, "--purge-local", "--yes", "--fingerprint", fingerprint(node))
    assert kept.code == 1
    assert "Puppet configures this host's backups" in kept.err
    assert differing(before, bare.trace("puppet")) == []


def test_the_account_of_a_person_is_neither_taken_over_nor_removed(bare: BareHosts) -> None:
    host = bare.hosts["person"]
    host.sh("useradd --create-home --groups sudo kaizen && echo kaizen:secret | chpasswd && echo x >/home/kaizen/mine")
    bare.add("person", "--dry-run")
    before = bare.trace("person")
    for result in (bare.add("person"), bare.onboard("remove", host.name, "--yes", "--fingerprint", fingerprint(host))):
        assert result.code == 1, result.describe()
        assert "/home/kaizen" in result.err
        assert differing(before, bare.trace("person")) == []
    host.sh("userdel --remove kaizen")
    assert bare.add("person").code == 0


def test_a_first_snapshot_that_fails_says_why_and_what_is_protected_all_the_same(bare: BareHosts) -> None:
    host = bare.hosts["person"]
    host.write("/usr/local/bin/fails", "#!/bin/sh\necho of no use >&2\nexit 3\n", mode=0o755)
    failed = bare.add("person", "--dump", "command:fails:/usr/local/bin/fails", "--now")
    assert failed.code == 1
    assert "cannot make a snapshot: " in failed.err
    assert "fails" in failed.err.partition("cannot make a snapshot: ")[2]
    assert "is protected from tonight on" in failed.out
    assert host.name in bare.onboard("list").out


def _ours(node: Node) -> str:
    """Return every file of ours with its owner, mode and content, and the account without its numbers."""
    return node.sh(
        """cd / && find etc/kaizen etc/cron.d etc/sudoers.d etc/logrotate.d usr/local var/lib/kaizen backups \\
            -printf '%p %y %m %u %g %l\\n' | sort
        find etc/kaizen etc/cron.d/kaizen* etc/sudoers.d/kaizen* etc/logrotate.d/kaizen* usr/local var/lib/kaizen \\
            -type f -exec sha256sum {} + | sort -k2
        getent passwd kaizen | cut -d : -f 1,2,5-
        getent shadow kaizen | cut -d : -f 1,2,4-
        getent group kaizen | cut -d : -f 1"""
    ).out
