FROM scratch
ADD https://localhost/disk.qcow2 /disk/
