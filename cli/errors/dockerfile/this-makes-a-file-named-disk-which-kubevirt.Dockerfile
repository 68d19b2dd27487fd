FROM scratch
ADD disk.qcow2 /disk
