FROM scratch
COPY --from=1 a.txt /
