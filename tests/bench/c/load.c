/* SPDX-License-Identifier: MIT */
/* A load for echo servers: load CONNECTIONS REQUESTS COMMAND…
 *
 * Starts the command, which prints the port at which it listens on this machine, makes the connections, sends
 * 64 bytes on each, and again whenever they came back, until so many came back in all. Prints one line: rate,
 * a number, k/s. It uses nothing of manymoons. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, EVENTS = 256 };

struct connection {
  int fd;
  int received; /* of the request that is under way */
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t start_server(char **command, int *port) {
  int ends[2];
  if (pipe(ends)) die("pipe");
  const pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execvp(command[0], command);
    die(command[0]);
  }
  close(ends[1]);
  FILE *said = fdopen(ends[0], "r");
  if (!said || fscanf(said, "%d", port) != 1) die("no port");
  return pid;
}

static void send_request(const struct connection *c) {
  static const char request[SIZE] = "hello";
  if (send(c->fd, request, SIZE, MSG_NOSIGNAL) != SIZE) die("send");
}

static void open_connection(struct connection *c, int poller, int port) {
  const int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  c->received = 0;
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &wanted)) die("epoll_ctl");
}

/* True: a request has come back whole. */
static int receive(struct connection *c) {
  char bytes[SIZE];
  const ssize_t size = recv(c->fd, bytes, (size_t)(SIZE - c->received), 0);
  if (size <= 0) die("recv");
  c->received += (int)size;
  if (c->received < SIZE) return 0;
  c->received = 0;
  return 1;
}

int main(int argc, char **argv) {
  const int count = argc > 3 ? atoi(argv[1]) : 0;
  const long requests = argc > 3 ? atol(argv[2]) : 0;
  if (count < 1 || requests < count) {
    fputs("usage: load CONNECTIONS REQUESTS COMMAND...\n", stderr);
    return 2;
  }
  int port;
  const pid_t server = start_server(argv + 3, &port);
  const int poller = epoll_create1(0);
  struct connection *connections = calloc((size_t)count, sizeof *connections);
  if (poller < 0 || !connections) die("epoll_create1");
  for (int i = 0; i < count; i++) open_connection(&connections[i], poller, port);
  const double start = now();
  for (int i = 0; i < count; i++) send_request(&connections[i]);
  for (long done = 0; done < requests;) {
    struct epoll_event events[EVENTS];
    const int ready = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (!receive(c)) continue;
      done++;
      send_request(c);
    }
  }
  printf("rate %f k/s\n", (double)requests / (now() - start) / 1e3);
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  free(connections);
  return 0;
}
