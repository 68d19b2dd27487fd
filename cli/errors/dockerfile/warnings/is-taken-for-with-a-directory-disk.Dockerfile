FROM kubevirt.io:disk
ADD disk.qcow2 /disk
