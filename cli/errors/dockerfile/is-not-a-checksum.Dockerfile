FROM scratch
ADD --checksum=md5:0 https://localhost/disk.qcow2 /disk/
