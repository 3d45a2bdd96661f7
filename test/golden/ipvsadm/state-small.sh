# state 'small': run in a network namespace with an empty IPVS table
ipvsadm -A -t 207.1.1.1:80 -s rr
ipvsadm -a -t 207.1.1.1:80 -r 192.168.1.1:80 -m
ipvsadm -A -f 5 -s rr
ipvsadm -A -u 207.1.1.1:53 -s rr
ipvsadm -A -t [fd07::1]:80 -s rr
