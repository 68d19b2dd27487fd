FROM scratch
COPY a.txt disk.qcow2 /both
