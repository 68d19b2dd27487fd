FROM scratch
RUN select x in a; do mkdir /a; done
