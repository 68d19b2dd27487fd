FROM scratch
COPY https://localhost/disk.qcow2 /disk/
