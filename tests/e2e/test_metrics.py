"""A real Prometheus scrapes real node_exporters over a day in which one of two nodes fails: it alerts on that, and on
nothing else. A night without trouble sends no mail, and one with trouble one."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster import WHEELHOUSE
from lab import Fleet, LabError
from lab.puppet import ENVIRONMENT

RULES = Path(__file__).parents[2] / "files" / "backups" / "prometheus" / "kaizen.rules.yml"
SMTP_PORT, MAILBOX = 2525, "/var/mail/kaizen"
DIRECTORY = "/var/lib/prometheus/node-exporter"
HIERA: dict[str, Any] = {
    "quickstack::backups::excludes": ["/etc/puppet/code"],
    "quickstack::backups::metrics_dir": DIRECTORY,
    "quickstack::backups::collector::package_source": "kaizen-backups",
    "quickstack::backups::collector::mail": {
        "to": ["ops@kaizen.example"],
        "smtp": {"host": "127.0.0.1", "port": SMTP_PORT, "starttls": False},
    },
}
WEBSITE = "class { 'quickstack::backups': paths => ['/srv/shop'] }"
COLLECTOR = "class { 'quickstack::backups': collector => true }"
# Prometheus has the machine's clock, which can't be moved: what happened a day ago is made to happen then.
NOW = datetime.now(UTC)
ROTTEN = "kaizen: all 2 nodes safe, 1 rotten"
YESTERDAY, TODAY = NOW - timedelta(hours=27), NOW - timedelta(hours=3)
CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [/etc/prometheus/kaizen.rules.yml]
scrape_configs:
  - job_name: node
    static_configs:
      - targets: [%s]
"""


class Watched:
    """A web server, a collector that is a node as well, and the Prometheus that watches both."""

    def __init__(self, fleet: Fleet) -> None:
        self.website, self.collector = fleet.add_all(["www.kaizen.example", "backup.kaizen.example"])
        self.nodes = [self.website, self.collector]

    def set_up(self) -> None:
        """Let Puppet configure both, and start what Debian's packages start."""
        self.website.sh("mkdir -p /srv/shop && echo goods >/srv/shop/goods")
        self.collector.puppet_apply(COLLECTOR, hiera=HIERA)
        key = self.collector.read("/etc/kaizen/ssh/id_ed25519.pub").strip()
        hiera = {**HIERA, "quickstack::backups::collector_keys": [key]}
        self.website.puppet_apply(WEBSITE, hiera=hiera)
        self.collector.puppet_apply(COLLECTOR, hiera=hiera)
        for node in self.nodes:
            self.collector.write(f"/var/lib/kaizen/facts/{node.name}.json", json.dumps(node.facts()))
            node.sh(f"""setsid --fork prometheus-node-exporter --collector.disable-defaults --collector.textfile \\
                --collector.textfile.directory={DIRECTORY} </dev/null >/var/log/node-exporter.log 2>&1""")
        self.collector.write("/etc/prometheus/kaizen.rules.yml", RULES.read_text())
        targets = ", ".join(f'"{node.name}:9100"' for node in self.nodes)
        self.collector.write("/etc/prometheus/prometheus.yml", CONFIG % targets)

    def watch(self) -> None:
        """Start Prometheus, with nothing in its memory."""
        self.collector.sh("""setsid --fork prometheus --config.file=/etc/prometheus/prometheus.yml \\
            --storage.tsdb.path=/tmp/prometheus </dev/null >/var/log/prometheus.log 2>&1""")

    def live(self, when: datetime, *, broken: bool = False) -> None:
        """Let both nodes back themselves up at that time, and the collector collect them."""
        moment = f"{when:%Y-%m-%d %H:%M:%S}"
        assert (self.website.run(["kaizen-backup", "run"], at=moment, check=False).code != 0) == broken
        self.collector.run(["kaizen-backup", "run"], at=moment)
        self.collector.run(["kaizen", "collect"], at=moment)

    def query(self, path: str) -> Any:
        """Ask Prometheus; None when it can't answer yet."""
        answer = self.collector.run(["curl", "-fsS", f"http://localhost:9090/api/v1/{path}"], check=False)
        return json.loads(answer.out)["data"] if answer.code == 0 else None

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire, each with the node that it is about."""
        alerts = [alert for alert in self.query("alerts")["alerts"] if alert["state"] == "firing"]
        return {(one["labels"]["alertname"], _about(one["labels"])) for one in alerts}

    def scraped(self) -> bool:
        """Tell whether Prometheus has both nodes' files, and has judged every rule by them."""
        found = self.query("query?query=kaizen_backup_info")
        up = {sample["metric"]["instance"] for sample in found["result"]} if found else set()
        rules = (self.query("rules") or {"groups": []})["groups"]
        judged = bool(rules) and all(rule["lastEvaluation"] > "1" for group in rules for rule in group["rules"])
        return len(up) == len(self.nodes) and judged

    def let_mail_come(self) -> None:
        """Start a mail server on the collector; what comes is a file each."""
        packages = f"PYTHONPATH=$(echo {ENVIRONMENT}/modules/quickstack/.venv/lib/python3*/site-packages)"
        server = f"python3 -m aiosmtpd -n -l 127.0.0.1:{SMTP_PORT} -c aiosmtpd.handlers.Mailbox {MAILBOX}"
        self.collector.sh(f"{packages} setsid --fork {server} </dev/null >/var/log/mail-server.log 2>&1")
        listens = f"(exec 3<>/dev/tcp/127.0.0.1/{SMTP_PORT}) 2>/dev/null"
        wait_for(lambda: self.collector.run(["bash", "-c", listens], check=False).code == 0, "the mail server")

    def subjects(self) -> list[str]:
        """Return the subjects of the mails that have come."""
        lines = self.collector.sh(f"grep -hs '^Subject: ' {MAILBOX}/new/* || true").out.splitlines()
        return [line.removeprefix("Subject: ") for line in lines]


def _about(labels: dict[str, str]) -> str:
    return labels.get("node") or labels.get("instance", "").partition(":")[0]


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.2)


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """Yield both after a day: yesterday all went well, today the web server's run failed."""
    with Fleet("metrics", wheelhouse=WHEELHOUSE) as fleet:
        watched = Watched(fleet)
        watched.set_up()
        watched.let_mail_come()
        watched.live(YESTERDAY)
        watched.website.sh("mv /srv/shop /srv/shop.gone")
        watched.live(TODAY, broken=True)
        watched.watch()
        wait_for(watched.scraped, "Prometheus")
        yield watched


def test_prometheus_gets_what_was_written_through_node_exporter(watched: Watched) -> None:
    found = watched.query("query?query=node_textfile_scrape_error")["result"]
    assert [sample["value"][1] for sample in found] == ["0", "0"]
    found = watched.query("query?query=kaizen_backup_last_success_timestamp_seconds")["result"]
    times = {_about(sample["metric"]): float(sample["value"][1]) for sample in found}
    assert 0 <= times[watched.website.name] - int(YESTERDAY.timestamp()) < 3600
    assert 0 <= times[watched.collector.name] - int(TODAY.timestamp()) < 3600
    found = watched.query("query?query=kaizen_collect_last_success_timestamp_seconds")["result"]
    assert {sample["metric"]["node"] for sample in found} == {node.name for node in watched.nodes}


def test_promtool_finds_nothing_wrong_with_the_files(watched: Watched) -> None:
    for node, file in ((watched.website, "kaizen_backup"), (watched.collector, "kaizen")):
        node.sh(
            f"promtool check metrics <{DIRECTORY}/{file}.prom && [[ $(stat -c %a {DIRECTORY}/{file}.prom) == 644 ]]"
        )


def test_the_alerts_on_the_node_that_failed_fire_and_no_others(watched: Watched) -> None:
    expected = {("KaizenBackupOld", watched.website.name), ("KaizenSnapshotOld", watched.website.name)}
    wait_for(lambda: watched.firing() == expected, f"just {expected}; there were {watched.firing()}")


def test_rot_is_told_by_the_verification(watched: Watched) -> None:
    assert watched.subjects() == []  # for every night until here
    watched.website.sh("rm -r /backups/20*")  # what the node still had would be fetched anew
    (file,) = watched.collector.sh(f"ls /backups/nodes/{watched.website.name}/*/srv/shop/goods").out.split()
    watched.collector.sh('chmod u+w "$1" && printf x >"$1"', file)
    assert watched.collector.run(["kaizen", "verify", watched.website.name], check=False).code == 65
    rotten = ("KaizenVerificationFailed", watched.website.name)
    wait_for(lambda: rotten in watched.firing(), "the alert on rot")


def test_what_is_mended_and_collected_fires_no_more(watched: Watched) -> None:
    watched.website.sh("mv /srv/shop.gone /srv/shop")
    watched.website.run(["kaizen-backup", "run"])
    watched.collector.run(["kaizen", "collect"])
    rotten = {("KaizenVerificationFailed", watched.website.name)}
    wait_for(lambda: watched.firing() <= rotten, f"no alert but that on rot; there were {watched.firing()}")
    assert watched.subjects() == [ROTTEN]


def test_mail_comes_when_something_is_wrong_and_only_then(watched: Watched) -> None:
    watched.website.sh("pkill -x sshd")
    for _ in range(2):
        collected = watched.collector.run(["kaizen", "collect"], check=False)
        assert collected.code == 1
        assert "digest" not in collected.err
        assert watched.subjects() == [ROTTEN, "kaizen: 1 of 2 nodes not safe, 1 rotten"]
    (text,) = watched.collector.sh(f"cat {MAILBOX}/new/*").out.split("Not safe\n")[1:]
    assert text.startswith(f"  {watched.website.name}: failing: ")
