FROM scratch
COPY *.raw /disk/
