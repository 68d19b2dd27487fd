FROM scratch
COPY nothing.txt /
