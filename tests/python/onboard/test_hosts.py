"""Decisions about a host, from recorded descriptions: of Debian, EL and openSUSE, with and without SELinux."""

import hashlib
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.node import Node
from kaizen_backups.onboard.access import Access, Collector, Door, read_access, read_public_key, write_hiera
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.differences import compare
from kaizen_backups.onboard.facts import HostFacts, parse
from kaizen_backups.onboard.packages import missing
from kaizen_backups.onboard.registry import Login, Registered, all_hosts, find, forget, get, register, require_ours
from kaizen_backups.onboard.script import content_lines, data_line, script
from kaizen_backups.onboard.ssh import Target, options
from kaizen_backups.onboard.summary import suggested, summary
from kaizen_backups.onboard.survey import changes, objections, show, strangers
from kaizen_backups.onboard.wanted import CRON, TIMER_FILES, Kind, wanted
from kaizen_backups.onboard.work import Report, on_all
from kaizen_backups.settings import Settings
from kaizen_backups.sources.nodes_d import read_nodes_d
from samples import host_key

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ kaizen@second.example"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5qUoO4c8mYw0l2s9yT7oZb1r6fQeXnVtKd0aLp kaizen@first.example"
DOOR = Door(keys=(KEY,), hosts=(), authorities=())
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
PROGRAMS = "rsync sudo visudo zstd flock awk crond"


def described(manager: str, *facts: str, programs: str = PROGRAMS) -> HostFacts:
    """Return a description as host.sh gives it."""
    lines = ["fact uid 0", f"fact manager {manager}", *(f"fact program {name}" for name in programs.split())]
    return parse([*lines, *(f"fact {fact}" for fact in facts)])


def as_wanted(declaration: Declaration, *facts: str) -> HostFacts:
    """Return the description of a host on which everything is as it should be."""
    found = described("dnf", "user kaizen:x:990:990:reads the backups of this node:/var/lib/kaizen:/bin/sh", *facts)
    found.single |= {"group": "kaizen", "groups": "kaizen"}
    found.many.setdefault("process", []).append("crond")
    lines = []
    for item in wanted(declaration, DOOR):
        digest = hashlib.sha256(item.content.encode()).hexdigest()
        label = item.label if item.label != "-" else "etc_t"
        kind = item.kind.value
        mode = "-" if item.kind is Kind.ABSENT else f"{item.mode:o}"
        lines.append(f"entry {kind} {mode} root {item.group} {digest} {label} {item.path}")
    found.entries = parse(lines).entries
    return found


@pytest.mark.parametrize(
    ("manager", "packages"),
    [
        ("apt-get", {"age", "zstd", "cron", "default-mysql-client", "postgresql-client"}),
        ("dnf", {"age", "zstd", "cronie", "mariadb", "postgresql"}),
        ("yum", {"age", "zstd", "cronie", "mariadb", "postgresql"}),
        ("zypper", {"age", "zstd", "cron", "mariadb-client", "postgresql"}),
    ],
)
def test_what_is_missing_has_the_name_that_it_has_there(manager: str, packages: set[str]) -> None:
    facts = described(manager, programs="rsync sudo visudo flock awk")
    lacking = missing(Declaration(dumps=("mysql", "postgresql"), dump_recipients=(RECIPIENT,)), facts)
    assert {item.package for item in lacking} == packages
    install = changes([], lacking, facts)[0].split()
    assert install[:2] == ["install", manager]
    assert set(install[2:]) == packages


def test_a_roles_dump_needs_nothing_where_there_is_no_such_database() -> None:
    website = Declaration(role="website")
    assert missing(website, described("dnf")) == []
    (lacking,) = missing(website, described("dnf", "process mariadbd"))
    assert str(lacking) == "mariadb-dump, for the dump mysql (package mariadb)"


def test_what_no_package_is_known_of_is_said_so_and_not_installed() -> None:
    (lacking,) = missing(Declaration(dumps=("mongodb",)), described("zypper"))
    assert "no package of it is known" in str(lacking)
    assert changes([], [lacking], described("zypper"))[0] == "need rsync"


def test_a_host_as_it_should_be_has_no_difference() -> None:
    declaration = Declaration(role="website")
    assert compare(wanted(declaration, DOOR), declaration, as_wanted(declaration)) == []


def test_under_selinux_the_keys_have_the_type_that_sshd_reads() -> None:
    declaration = Declaration()
    facts = as_wanted(declaration, "selinux Enforcing")
    keys = "/var/lib/kaizen/.ssh/authorized_keys"
    entry = facts.entries[keys]
    facts.entries[keys] = type(entry)(entry.kind, entry.mode, entry.owner, entry.group, entry.sum, "var_lib_t")
    (difference,) = compare(wanted(declaration, DOOR), declaration, facts)
    assert str(difference) == f"{keys}: its SELinux type is var_lib_t, and is to be ssh_home_t"
    assert difference.data == (f"own 0640 root kaizen ssh_home_t {keys}",)


def test_a_user_that_is_root_or_is_locked_is_named() -> None:
    declaration = Declaration()
    facts = as_wanted(declaration, "password locked")
    (difference,) = compare(wanted(declaration, DOOR), declaration, facts)
    assert "its account is locked" in str(difference)
    facts.single["user"] = facts.single["user"].replace(":990:990:", ":0:0:")
    (difference,) = compare(wanted(declaration, DOOR), declaration, facts)
    assert (difference.data, "is root under another name" in str(difference)) == ((), True)


def test_a_switch_between_cron_and_timer_cleans_up_the_other() -> None:
    cron, timer = Declaration(), Declaration(scheduler="timer")
    plan = compare(wanted(timer, DOOR), timer, as_wanted(cron))
    data = changes(plan, [], described("dnf"))
    assert data.index(f"gone {CRON}") < data.index("timer on")
    facts = as_wanted(timer, "timer enabled active")
    assert compare(wanted(timer, DOOR), timer, facts) == []
    back = changes(compare(wanted(cron, DOOR), cron, facts), [], facts)
    assert back.index("timer off") < back.index(f"gone {TIMER_FILES[3]}") < back.index("reload")
    facts.single["timer"] = "enabled inactive"
    assert [str(one) for one in compare(wanted(timer, DOOR), timer, facts)] == [
        "schedule: the timer is enabled inactive, and is to be set"
    ]


def test_what_speaks_against_it_is_said_before_anything_is_done() -> None:
    declaration = Declaration(role="shop", paths=("/srv/none",), scheduler="timer", cron_email="ops@example.com")
    facts = described("dnf", "puppet yes", "rsync 3.1.2", "readonly /etc", "free 12 /usr/local", "free 9999 /var/lib")
    plan = compare(wanted(declaration, DOOR), declaration, facts)
    said = "\n".join(objections(declaration, facts, plan, missing(declaration, described("dnf", programs="rsync"))))
    for words in (
        "leave it to Puppet", "a timer needs systemd", "a timer mails nobody", "there is no role shop",
        "/srv/none: there is no such path", "/etc can't be written to",
        "/usr/local has 12 KiB free, and 1024 are needed",
        "its rsync is 3.1.2, and can't be read through a door; 3.1.3 can",
        "it lacks zstd, for every run (package zstd); --install",
    ):  # fmt: skip
        assert words in said
    assert "/var/lib has" not in said
    assert {show(difference)[0] for difference in plan} <= {"+", "~", "-"}


def test_lines_that_are_no_description_are_left_out() -> None:
    facts = parse(["Welcome!", "fact uid 0", "fact", "entry file", "fact os \x1b[31mdebian", "entry file x"])
    assert facts.single == {"uid": "0", "os": r"\x1b[31mdebian"}
    assert facts.entries == {}


def test_a_role_and_dumps_are_found_by_what_runs_there() -> None:
    assert suggested(described("dnf"), None) == ("generic", (), [])
    role, dumps, why = suggested(described("dnf", "process httpd", "process postgres", "process mysqld"), None)
    assert (role, dumps) == ("website", ("postgresql",))
    assert why == ["role website: httpd runs here", "dump postgresql: PostgreSQL runs here"]
    assert suggested(described("dnf", "process httpd", "process mysqld"), "generic")[:2] == ("generic", ("mysql",))


def test_what_is_not_protected_is_said() -> None:
    facts = described("dnf", "process mongod", "exists /etc", "holds /etc", "holds /srv", "exists /var/www/cache")
    told = summary(Declaration(role="website", dumps=("command:x:/bin/x",)), facts)
    assert told.protected == ("files below /etc", "the list of packages", "what /bin/x prints")
    assert "/srv: no path covers it (--path /srv)" in told.unprotected
    assert "MongoDB runs here, and no dump names it (--dump mongodb)" in told.unprotected
    assert "/var/www/cache: left out by an exclude" in told.unprotected
    assert not [line for line in told.unprotected if line.startswith("/etc")]


def test_a_script_is_the_static_file_and_data_that_cannot_leave_their_line() -> None:
    text = script("apply", ["need rsync", *content_lines("a\n\nKAIZEN_DATA\n")])
    assert text.endswith("\nmain apply <<'KAIZEN_DATA'\nneed rsync\n|a\n|\n|KAIZEN_DATA\nend of data\nKAIZEN_DATA\n")
    for words in (("gone", "/x\nneed y"), ("gone", "/x\x00"), ("look", "\r")):
        with pytest.raises(ValueError, match="can't stand in a line"):
            data_line(*words)


def test_ssh_trusts_one_file_and_forwards_nothing() -> None:
    said = " ".join(options("www.example", Path("/t/known_hosts"), checking="yes", batch=True))
    for option in ("StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null", "ForwardAgent=no", "BatchMode=yes"):
        assert option in said
    assert Target("x", "-oProxyCommand=id", "root", 2222).arguments()[-2:] == ["--", "-oProxyCommand=id"]
    with pytest.raises(ValidationError):
        Login(host="-oProxyCommand=id")


def onboarded(name: str = "www.example") -> Registered:
    node = Node(name=name, address="192.0.2.1", role="website", origin="onboarded", host_keys=(host_key(name),))
    return Registered(node=node, login=Login(host="shop", user="admin"), declaration=Declaration(role="website"))


def test_what_is_registered_is_read_again_by_both_who_read_it(settings: Settings) -> None:
    settings = settings.model_copy(update={"name": "backup.example"})
    host = onboarded()
    assert register(settings, host)
    assert not register(settings, host)
    host = host.model_copy(update={"collector": "backup.example"})
    assert find(settings, "www.example") == host
    assert settings.sources.nodes_d
    listed = read_nodes_d(settings.sources.nodes_d)
    assert listed.problems == []
    assert listed.nodes["www.example"]["address"] == "192.0.2.1"
    assert set(listed.nodes["www.example"]) == {"address", "role", "host_keys", "origin"}
    (settings.sources.nodes_d / "hand.yaml").write_text("address: 192.0.2.2\n")
    assert all_hosts(settings) == [host]


def test_a_registered_host_that_was_changed_by_hand_is_named_with_file_and_line(settings: Settings) -> None:
    register(settings, onboarded())
    assert settings.sources.nodes_d
    file = settings.sources.nodes_d / "www.example.yaml"
    file.write_text(file.read_text().replace("role: website", "role: Website"))
    with pytest.raises(ConfigError, match=r"www\.example\.yaml:3: role: must be a role's name"):
        find(settings, "www.example")


def test_addresses_are_stated_once_those_of_all_are_known() -> None:
    access = Access().with_collector("first", Collector(key=KEY))
    assert access.door(OTHER) == Door(keys=(KEY, OTHER), hosts=(), authorities=())
    assert access.door(KEY).keys == (KEY,)
    assert access.without_address(OTHER) == []
    access = access.with_collector("first", Collector(key=KEY, hosts=("192.0.2.1",)))
    assert access.door(OTHER).hosts == ()
    assert access.without_address(OTHER) == ["this collector"]
    access = access.with_collector("second", Collector(key=OTHER, hosts=("192.0.2.2",)))
    assert access.door(OTHER).hosts == ("192.0.2.1", "192.0.2.2")
    assert access.without_address(OTHER) == []
    with pytest.raises(KaizenError, match="no collector of that name"):
        access.without_collector("third")


def test_a_new_key_of_this_collector_does_not_open_doors_that_state_addresses() -> None:
    access = Access().with_collector("first", Collector(key=KEY, hosts=("192.0.2.1",))).settled(KEY)
    assert access.door(KEY).hosts == ("192.0.2.1",)
    for ask in (access.door, access.settled):
        with pytest.raises(ConfigError, match="good from anywhere: say where this collector comes from"):
            ask(OTHER)
    assert not access.without_collector("first").settled(OTHER).addresses_hold


def test_a_host_that_another_collector_looks_after_is_left_to_it(settings: Settings) -> None:
    register(settings, onboarded())
    assert [host.node.name for host in all_hosts(settings)] == ["www.example"]
    another = settings.model_copy(update={"name": "another.example"})
    assert all_hosts(another) == []
    assert find(another, "www.example")
    for refuse in (get, require_ours):
        with pytest.raises(
            KaizenError, match=r"looks after it, and this is another\.example: run kaizen-onboard there"
        ):
            refuse(another, "www.example")


def test_the_hiera_data_lets_the_same_in(tmp_path: Path) -> None:
    write_hiera(Door((KEY, OTHER, KEY), ("192.0.2.1",), (KEY,)), tmp_path / "hiera.yaml")
    data = yaml.safe_load((tmp_path / "hiera.yaml").read_text())
    assert data == {
        "quickstack::backups::collector_keys": [OTHER, KEY],
        "quickstack::backups::collector_hosts": ["192.0.2.1"],
        "quickstack::backups::collector_authorities": [KEY],
    }


def test_a_file_with_more_than_a_key_is_none(tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    for text in ("", f"{KEY}\n{KEY}\n", f"restrict {KEY}\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n"):
        file.write_text(text)
        with pytest.raises(ConfigError, match="must hold one OpenSSH public key"):
            read_public_key(file)
    (tmp_path / "access.yaml").write_text("collectors: {A: {key: x}}\n")
    with pytest.raises(ConfigError, match=r"access\.yaml:1: "):
        read_access(tmp_path / "access.yaml")


@pytest.mark.parametrize(
    "address",
    ["fe80::1%eth0", 'fe80::1%x,command="sh" ssh-ed25519 AAAAEVIL\n#', "fe80::1%x,*", "192.0.2.1/24", "a.example"],
)
def test_no_address_brings_anything_else_into_authorized_keys(address: str) -> None:
    with pytest.raises(ValidationError, match="must be an address"):
        Collector(key=KEY, hosts=(address,))


def test_a_name_leads_nowhere_else(settings: Settings) -> None:
    assert settings.sources.nodes_d
    outside = settings.sources.nodes_d.parent / "collector.yaml"
    outside.write_text("store: /backups/nodes\n")
    for name in ("../collector", "/etc/passwd", ".", ""):
        with pytest.raises(KaizenError, match="no host's name"):
            forget(settings, name)
    assert outside.exists()


def test_what_may_be_a_persons_is_said_before_anything_is_done() -> None:
    declaration = Declaration()
    facts = as_wanted(declaration)
    assert strangers(declaration, facts, compare(wanted(declaration, DOOR), declaration, facts), []) == []
    facts.single["user"] = "kaizen:x:1000:1000:Kai Zen:/home/kaizen:/bin/bash"
    (said,) = strangers(declaration, facts, compare(wanted(declaration, DOOR), declaration, facts), [])
    assert "at home in /home/kaizen, and may be a person's" in said
    facts.single["user"] = "kaizen:x:0:0:reads the backups of this node:/var/lib/kaizen:/bin/sh"
    (said,) = strangers(declaration, facts, compare(wanted(declaration, DOOR), declaration, facts), [])
    assert "is root under another name" in said


def test_a_cron_that_does_not_run_is_started_first_unless_it_is_yet_to_be_installed() -> None:
    declaration = Declaration()
    facts = as_wanted(declaration)
    facts.many["process"].remove("crond")
    plan = compare(wanted(declaration, DOOR), declaration, facts)
    assert strangers(declaration, facts, plan, []) == ["schedule: cron does not run on this host; start it"]
    lacking = missing(declaration, described("dnf", programs="rsync sudo visudo zstd flock awk"))
    assert strangers(declaration, facts, plan, lacking) == []


def test_a_blank_that_does_not_break_may_stand_in_a_path() -> None:
    assert data_line("look", "/srv/a\u00a0b") == "look /srv/a\u00a0b"


def test_one_hosts_defect_hides_no_other_hosts_report() -> None:
    def do(host: Registered) -> Report:
        if host.node.name == "bad.example":
            raise ValueError("of ours")
        return Report(host.node.name, ["done"])

    good, bad = on_all([onboarded("good.example"), onboarded("bad.example")], do)
    assert good.lines == ["done"]
    assert str(bad.error) == "bad.example: ValueError: of ours"
