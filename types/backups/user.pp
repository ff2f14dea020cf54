# @summary The name of the unprivileged user that a collector logs in as; none that a system has for itself
type Quickstack::Backups::User = Pattern[
  /\A(?!(?:root|adm|apache|avahi|backup|bin|chrony|clevis|daemon|dbus|dnsmasq|ftp|games|geoclue|gnats|haproxy|halt|irc|ldap|libvirt-qemu|list|lp|mail|man|memcached|messagebus|mysql|named|news|nginx|nobody|ntp|operator|polkitd|postfix|postgres|proxy|pulse|puppet|puppetdb|qemu|rabbitmq|redis|rpc|rpcuser|rtkit|saslauth|shutdown|sshd|sssd|sync|sys|syslog|systemd-[a-z]+|tcpdump|tss|unbound|uucp|www-data|_apt|nova|keystone|glance|cinder|neutron|heat|swift|ceph)\z)[a-z_][a-z0-9_-]{0,30}\z/,
]
