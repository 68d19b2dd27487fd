FROM scratch
COPY out /
