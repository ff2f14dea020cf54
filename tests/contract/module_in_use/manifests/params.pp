# Site settings; strings throughout, as Foreman hands them over.
class quickstack::params (
  $backups_enabled           = 'true',
  $backups_user              = 'moc-backups',
  $backups_script_src        = 'puppet:///modules/quickstack/compute_backup.sh',
  $backups_script_controller = 'puppet:///modules/quickstack/controller_backup.sh',
  $backups_script_compute    = 'puppet:///modules/quickstack/compute_backup.sh',
  $backups_script_local_name = 'backup.sh',
  $backups_directory         = '/backups',
  $backups_log               = '/var/log/backups.log',
  $backups_verbose           = 'false',
  $backups_email             = 'ops@example.com',
  $backups_ssh_key           = 'puppet:///modules/quickstack/backups.pub',
  $backups_sudoers_d         = 'NOPASSWD: /usr/bin/rsync',
  $backups_local_hour        = '1',
  $backups_local_min         = '05',
  $backups_keep_days         = '3',
) {
}
