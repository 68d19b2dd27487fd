FROM scratch
COPPY a b
COPY --chwon=1 a.txt /
