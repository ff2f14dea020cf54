class quickstack::ntp ($servers) {
  file { '/etc/ntp.conf':
    content => "${servers}\n",
  }
}
