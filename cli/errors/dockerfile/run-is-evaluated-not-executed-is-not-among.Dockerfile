FROM scratch
RUN mkdir /a && \
    apt-get update
