"""`make demo`: three nights in the life of a small cluster, a loss, and the way back."""

import argparse
import os
import sys
import textwrap
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cluster import WHEELHOUSE, Cluster
from lab import Fleet, LabError, Node

NIGHTS = ("2026-11-22", "2026-11-23", "2026-11-24")
WIDTH = 100
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
LAB = "tests/lab/lab"


class Story:
    """Tells what happens, in words for somebody who has never seen this."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def chapter(self, title: str) -> None:
        """Begin a part."""
        print(f"\n{BOLD}{title}{PLAIN}   ({time.monotonic() - self._began:.0f} s)", flush=True)

    def say(self, text: str) -> None:
        """Say something, wrapped."""
        print(textwrap.fill(" ".join(text.split()), WIDTH, initial_indent="  ", subsequent_indent="  "), flush=True)

    def show(self, node: Node, command: str) -> None:
        """Run a command in a node, and show it with what it prints."""
        result = node.sh(command, check=False)
        print(f"    {node.name.split('.')[0]}# {command}")
        print(textwrap.indent((result.out + result.err).rstrip(), "    "), flush=True)


def main() -> int:
    """Run the demo; with --keep the fleet stays up afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the fleet up, to be entered")
    keep = parser.parse_args().keep
    try:
        with Fleet("demo", wheelhouse=WHEELHOUSE) as fleet:
            tell(fleet, Story())
            if keep:
                fleet.keep()
                where_to_look(fleet.name)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    if not keep:
        print("\nThe fleet is gone. 'make demo KEEP=1' leaves it up and says how to enter it.")
    return 0


def tell(fleet: Fleet, story: Story) -> None:
    """Tell the story from an empty fleet to a loss made good."""
    story.chapter("Four hosts come up")
    cluster = Cluster(fleet)
    story.say("""controller01 (MariaDB with a nova database, keystone's keys), compute01, www (nginx) and backup, the
        collector: each with its own disk, network address, sshd, cron and clock.""")
    cluster.furnish()

    story.chapter("Puppet configures them")
    cluster.apply_puppet()
    story.say("""Each node's class is one line, such as 'include quickstack::controller_common'. Each now has the
        agent, its settings, a nightly cron job, and a door: one ssh key that may read that node's snapshots and do
        nothing else. The collector knows whom to collect from Puppet's facts; nobody wrote a list.""")

    story.chapter("Three nights, run by cron")
    live_through_nights(cluster, story)
    story.show(cluster.collector, "kaizen status")
    story.say("Unchanged files are stored once: the same inode on every night; changed ones differ.")
    files = "etc/nova/nova.conf var/lib/nova/state"
    store = f"/backups/nodes/{cluster.controller.name}"
    story.show(cluster.collector, f'cd {store} && for f in {files}; do ls -1i */"$f"; done')

    story.chapter("A bad morning")
    before = count_rows(cluster.controller)
    story.say(
        f"""On the controller somebody drops the database nova ({before.strip()} rows) and removes keystone's keys."""
    )
    story.show(cluster.controller, "mariadb -e 'DROP DATABASE nova' && rm -r /etc/keystone/fernet-keys")
    cluster.let_administrator_in(cluster.controller)
    story.say("""Back from the collector, with an administrator's own ssh key and tools that everybody has.
        First: is what is stored what was saved?""")
    newest = f"{store}/{NIGHTS[-1]}"
    story.show(cluster.collector, f"cd {newest} && sha256sum --quiet -c SHA256SUMS && echo all sums are right")
    story.show(
        cluster.collector,
        f"rsync -aHAX --numeric-ids {newest}/etc/keystone/fernet-keys root@controller01:/etc/keystone/",
    )
    story.show(
        cluster.collector,
        "ssh root@controller01 mariadb -e \"'CREATE DATABASE nova CHARACTER SET utf8mb4'\"\n"
        f"    zstd -dc {newest}/dumps/mysql/nova.sql.zst | ssh root@controller01 mariadb nova",
    )
    after = count_rows(cluster.controller)
    story.show(cluster.controller, "ls -l /etc/keystone/fernet-keys")
    owners = cluster.controller.sh("stat -c '%a %U' /etc/keystone/fernet-keys/*").out.splitlines()
    if after != before or owners != ["600 keystone"] * 3:
        raise LabError(f"what came back is not what was lost: {after.strip()} rows, {before.strip()} before; {owners}")
    story.chapter("Everything is back")
    story.say(f"""The database has its {after.strip()} rows again, the keys their owner and mode.""")


def live_through_nights(cluster: Cluster, story: Story) -> None:
    """Let things change by day, and cron run by night."""
    by_day = {
        NIGHTS[0]: "",
        NIGHTS[1]: """echo state of the second day >/var/lib/nova/state; echo vm-4 >/etc/nova/vm-4.conf
            mariadb nova -e "INSERT INTO instances (uuid, hostname) VALUES (UUID(), 'vm-501')" """,
        NIGHTS[
            2
        ]: "rm /etc/nova/vm-4.conf; chmod 0600 /etc/glance/glance.conf; echo restarted >>/var/log/nova/nova.log",
    }
    for night, change in by_day.items():
        cluster.controller.sh(change)
        if night == NIGHTS[1]:
            cluster.website.sh("rm /var/www/html/img/7.svg; echo '<h1>News</h1>' >/var/www/html/index.html")
        cluster.night(night)
        story.say(f"{night}: at 01:00 each node made its snapshot, at 03:00 the collector fetched and checked them.")


def count_rows(controller: Node) -> str:
    """Return how many instances the database holds."""
    return controller.run(["mariadb", "-N", "-e", "SELECT COUNT(*) FROM nova.instances"]).out


def where_to_look(fleet: str) -> None:
    """Say how to enter the fleet."""
    print(f"""
{BOLD}The fleet stays up.{PLAIN}
  {LAB} shell {fleet} backup.kaizen.example          a shell on the collector; then, for example:
      kaizen status
      ls /backups/nodes/controller01.kaizen.example/
      cat /backups/nodes/controller01.kaizen.example/{NIGHTS[-1]}/backup.info
  {LAB} shell {fleet} controller01.kaizen.example    a shell on the controller; then, for example:
      kaizen-backup list
      cat /etc/kaizen/node.conf /var/log/kaizen-backup.log
  {LAB} down {fleet}                                 takes it down""")


if __name__ == "__main__":
    sys.exit(main())
