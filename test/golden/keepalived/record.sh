#!/bin/sh
# What the kernel's IPVS holds once keepalived has loaded each configuration here. Runs in Debian's emulated machine, which has IPVS:
#
#   tools/vm-run --scratch OUT -- test/golden/keepalived/record.sh test/golden/keepalived
#
# OUT then holds NAME.save, NAME.thresholds, NAME.timeout and keepalived's own log for each. See README.md.
ip link add dummy0 type dummy
ip link set dummy0 up
ip link set lo up
ip addr add 172.31.9.1/24 dev dummy0
ip -6 addr add fd00:ffff::1/64 dev dummy0 nodad
# Packets to servers vanish, so that no check fails before its time is up.
ip route add default dev dummy0
ip -6 route add default dev dummy0
# No name is looked up where nobody answers.
: >/etc/resolv.conf
printf 'hosts: files\n' >/etc/nsswitch.conf
echo "127.0.0.1 localhost $(hostname)" >/etc/hosts
# keepalived leaves out a server whose script it does not find, and ends without the authorities' file.
mkdir -p /usr/local/bin /usr/local/sbin /etc/keepalived
for script in bin/check-shop bin/pg-role bin/server-up.sh bin/server-down.sh bin/page-me bin/on-event.sh \
	bin/check-uplink bin/vrrp.sh bin/vrrp-any.sh sbin/marks; do
	printf '#!/bin/sh\nexit 0\n' >/usr/local/$script
	chmod 755 /usr/local/$script
done
cp "$(ls /etc/ssl/certs/*.pem | head -1)" /etc/keepalived/ca.pem

LISTEN='$s=IO::Socket::INET->new(LocalAddr=>$ARGV[0],LocalPort=>$ARGV[1],Listen=>9,ReuseAddr=>1) or die $!; close($s->accept) while 1'
for directory in "$1"/*/; do
	name=$(basename "$directory")
	cd "$directory" || exit 1
	settle=0 listeners=
	if [ -f listeners.txt ]; then
		# alpha: servers come in when they were seen.
		settle=12
		while read -r address port; do
			ip addr add "$address/32" dev lo
			perl -MIO::Socket::INET -e "$LISTEN" "$address" "$port" &
			listeners="$listeners $!"
		done <listeners.txt
	fi
	keepalived -n -l -C -i lb1 -f keepalived.conf >"/scratch/$name.log" 2>&1 &
	keepalived=$!
	tries=0
	until grep -q 'Startup complete' "/scratch/$name.log" || [ $tries -gt 100 ]; do
		sleep .2
		tries=$((tries + 1))
	done
	sleep .4
	sleep $settle
	ipvsadm -Sn >"/scratch/$name.save"
	ipvsadm -Ln --thresholds >"/scratch/$name.thresholds"
	ipvsadm -L --timeout >"/scratch/$name.timeout"
	kill -TERM $keepalived
	wait $keepalived
	[ -z "$listeners" ] || kill $listeners
	ipvsadm -C
	ipvsadm --set 900 120 300
done
