# state 'big': run in a network namespace with an empty IPVS table
ipvsadm --set 600 60 200
ipvsadm -A -t 207.1.1.1:80 -s wlc
ipvsadm -a -t 207.1.1.1:80 -r 192.168.1.1:80 -m -w 3
ipvsadm -a -t 207.1.1.1:80 -r 192.168.1.2:8080 -m -w 1 -x 100 -y 50
ipvsadm -a -t 207.1.1.1:80 -r 192.168.1.3:80 -m -w 0
ipvsadm -A -t 207.1.1.1:443 -s rr -p 360 -M 255.255.255.0
ipvsadm -a -t 207.1.1.1:443 -r 192.168.1.1:443 -g -w 1
ipvsadm -a -t 207.1.1.1:443 -r 192.168.1.2:443 -i -w 2
ipvsadm -A -t 207.1.1.1:0 -s wrr -p
ipvsadm -a -t 207.1.1.1:0 -r 192.168.1.9 -m -w 65535
ipvsadm -A -u 207.1.1.1:53 -s sh -b sh-fallback,sh-port
ipvsadm -a -u 207.1.1.1:53 -r 192.168.1.1:53 -m
ipvsadm -a -u 207.1.1.1:53 -r 192.168.1.2:53 -m -w 2
ipvsadm -A -u 207.1.1.1:5060 -s rr -o
ipvsadm -a -u 207.1.1.1:5060 -r 192.168.1.1:5060 -m
ipvsadm -A -u 207.1.1.1:5061 -s rr -p 60 --pe sip
ipvsadm -a -u 207.1.1.1:5061 -r 192.168.1.1:5061 -m
ipvsadm -A --sctp-service 207.1.1.1:2905 -s mh -b mh-fallback
ipvsadm -a --sctp-service 207.1.1.1:2905 -r 192.168.1.4:2905 -m
ipvsadm -A -t 207.1.1.2:3128 -s lblcr
ipvsadm -A -f 1 -s lc
ipvsadm -a -f 1 -r 192.168.1.1 -g
ipvsadm -a -f 1 -r 192.168.1.2:81 -m -w 4
ipvsadm -A -f 2 -s rr -p 1800 -M 255.255.0.0
ipvsadm -A -f 10 -6 -s rr -p 100 -M 64
ipvsadm -a -f 10 -6 -r [fd92::7]:0 -g -w 9
ipvsadm -A -t [fd07::1]:80 -s sed
ipvsadm -a -t [fd07::1]:80 -r [fd92::1]:80 -m
ipvsadm -a -t [fd07::1]:80 -r [fd92::2]:8080 -m -w 7
ipvsadm -A -u [fd07::1]:53 -s nq -p 30 -M 96
ipvsadm -a -u [fd07::1]:53 -r [fd92::1]:53 -i
ipvsadm -A -t [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 -s mh
ipvsadm -a -t [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 -r [2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535 -i -w 65535
ipvsadm -A -t 207.1.1.3:80 -s ovf
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.1:80 -i -w 1
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.2:80 -i --tun-type gue --tun-port 6080
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.3:80 -i --tun-type gue --tun-port 6081 --tun-nocsum
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.4:80 -i --tun-type gue --tun-port 6082 --tun-csum
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.5:80 -i --tun-type gue --tun-port 6083 --tun-remcsum
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.6:80 -i --tun-type gre
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.7:80 -i --tun-type gre --tun-csum
ipvsadm -a -t 207.1.1.3:80 -r 192.168.1.8:80 -i --tun-type ipip
ipvsadm -A -t 207.1.1.4:80 -s rr
ipvsadm -a -t 207.1.1.4:80 -r [fd92::1]:80 -i
ipvsadm -A -t [fd07::4]:80 -s rr
ipvsadm -a -t [fd07::4]:80 -r 192.168.1.1:80 -i -w 3
