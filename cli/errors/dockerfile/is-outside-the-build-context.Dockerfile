FROM scratch
COPY ../c/a.txt /
