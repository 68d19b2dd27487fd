FROM scratch
WORKDIR /a
COPY a.txt /b
WORKDIR /b/c
