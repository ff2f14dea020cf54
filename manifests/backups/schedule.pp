# @summary The nightly run
#
# The agent writes what went wrong to stderr and everything else to its log, so cron mails only trouble.
#
# @example It comes with the public class
#   include quickstack::backups
#
# @param cron_package
#   The package that cron comes with: the module's data knows it.
#
# @api private
class quickstack::backups::schedule (
  String[1] $cron_package,
) {
  assert_private()

  # SQLite makes files beside a database that it reads.
  $beside = $quickstack::backups::dumps.filter |$dump| { $dump =~ /\Asqlite:/ }.map |$dump| {
    dirname(regsubst($dump, '\Asqlite:', ''))
  }
  $metrics = $quickstack::backups::metrics_dir ? { undef => [], default => [$quickstack::backups::metrics_dir] }
  $scheduler = $quickstack::backups::enabled ? { true => $quickstack::backups::scheduler, default => 'none' }

  quickstack::backups::nightly { 'kaizen-backup':
    scheduler   => $scheduler,
    class_name  => 'quickstack::backups',
    manager     => 'Puppet, class quickstack::backups, or by kaizen-onboard',
    description => 'Nightly snapshot of this node',
    command     => '/usr/local/sbin/kaizen-backup run >/dev/null',
    hour        => $quickstack::backups::cron_hour,
    minute      => $quickstack::backups::cron_min,
    email       => $quickstack::backups::cron_email,
    writable    => [$quickstack::backups::backups_dir, dirname($quickstack::backups::log_file)] + $metrics + $beside,
  }
}
