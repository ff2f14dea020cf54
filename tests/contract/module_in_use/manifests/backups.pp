class backups (
  $enabled      = $quickstack::params::backups_enabled,
  $user         = $quickstack::params::backups_user,
  $script_src   = $quickstack::params::backups_script_src,
  $script_local = $quickstack::params::backups_script_local_name,
  $backups_dir  = $quickstack::params::backups_directory,
  $log_file     = $quickstack::params::backups_log,
  $verbose      = $quickstack::params::backups_verbose,
  $ssh_key      = $quickstack::params::backups_ssh_key,
  $sudoers_d    = $quickstack::params::backups_sudoers_d,
  $cron_email   = $quickstack::params::backups_email,
  $cron_hour    = $quickstack::params::backups_local_hour,
  $cron_min     = $quickstack::params::backups_local_min,
  $keep_days    = $quickstack::params::backups_keep_days,
) {
  user { $user:
    home => "/home/${user}",
  }
}
