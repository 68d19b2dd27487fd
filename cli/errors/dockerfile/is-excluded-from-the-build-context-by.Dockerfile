FROM scratch
COPY hidden.txt /
