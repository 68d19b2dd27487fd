FROM scratch
RUN mkdir /a/b
