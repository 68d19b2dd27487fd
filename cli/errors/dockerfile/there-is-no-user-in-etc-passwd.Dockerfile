FROM scratch
COPY --chown=qemu a.txt /
