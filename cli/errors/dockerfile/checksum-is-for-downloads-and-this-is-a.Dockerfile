FROM scratch
ADD --checksum=sha256:0 a.txt /
