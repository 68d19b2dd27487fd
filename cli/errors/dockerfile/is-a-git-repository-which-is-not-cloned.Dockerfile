FROM scratch
ADD https://localhost/me/disks.git#main /disk/
