FROM scratch
COPY --exclude=[ . /
