# @summary The nightly run
#
# The agent writes what went wrong to stderr and everything else to its log, so cron mails only trouble.
#
# @example It comes with the public class
#   include quickstack::backups
#
# @api private
class quickstack::backups::schedule {
  assert_private()

  file { '/etc/cron.d/kaizen-backup':
    ensure  => stdlib::ensure($quickstack::backups::enabled, 'file'),
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('quickstack/backups/cron.epp', {
      class_name => 'quickstack::backups',
      minute     => $quickstack::backups::cron_min,
      hour       => $quickstack::backups::cron_hour,
      command    => '/usr/local/sbin/kaizen-backup run >/dev/null',
      email      => $quickstack::backups::cron_email,
    }),
  }
}
