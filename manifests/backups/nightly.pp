# @summary One nightly job, of cron or of systemd; whatever the other has left is removed
#
# @example It comes with the public class
#   include quickstack::backups
#
# @param scheduler
#   Who runs it; `none` removes it.
# @param class_name
#   Which class it belongs to, for whoever reads a message.
# @param manager
#   Who writes these files, for whoever reads them.
# @param description
#   What it does, for whoever looks at the timer.
# @param command
#   What cron runs. The timer's service is a static file of the module, named after the title.
# @param hour
#   The hour of the run.
# @param minute
#   The minute of the run.
# @param email
#   Whom cron mails what the job writes.
# @param writable
#   Directories that the timer's service may write to, beside the usual ones.
# @param environment
#   Variables of the timer's service, which its command line has in it.
#
# @api private
define quickstack::backups::nightly (
  Enum['cron', 'timer', 'none']         $scheduler,
  String[1]                             $class_name,
  String[1]                             $description,
  String[1]                             $command,
  Integer[0, 23]                        $hour        = 0,
  Integer[0, 59]                        $minute      = 0,
  Optional[Quickstack::Backups::Mailto] $email       = undef,
  Array[Stdlib::Unixpath]               $writable    = [],
  Hash[String[1], Integer]              $environment = {},
  String[1]                             $manager     = "Puppet, class ${class_name}",
) {
  assert_private()

  if $scheduler == 'timer' and $email {
    fail("${class_name}: a timer mails nobody: leave out cron_email, or keep scheduler => 'cron'.")
  }
  if $scheduler == 'timer' and $facts['service_provider'] and $facts['service_provider'] != 'systemd' {
    fail("${class_name}: scheduler => 'timer' needs systemd, and this node runs ${facts['service_provider']}.")
  }

  if $scheduler == 'cron' {
    ensure_packages([$quickstack::backups::schedule::cron_package])
  }
  file { "/etc/cron.d/${title}":
    ensure  => stdlib::ensure($scheduler == 'cron', 'file'),
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('quickstack/backups/cron.epp', {
      manager => $manager,
      minute  => $minute,
      hour    => $hour,
      command => $command,
      email   => $email,
    }),
  }

  $timer = $scheduler ? { 'timer' => 'present', default => 'absent' }
  quickstack::backups::timer { $title:
    ensure      => $timer,
    manager     => $manager,
    description => $description,
    hour        => $hour,
    minute      => $minute,
    writable    => $writable,
    environment => $environment,
  }
}
