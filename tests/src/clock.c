// Put before a program's C library (LD_PRELOAD), this sets its wall clock off by the seconds that stand in the file named by
// CLOCK_OFFSET_FILE, read again each time: so the clock can be moved while the program runs. The file is to be replaced, never
// written to. Only the wall clock is moved: what is measured by the monotonic clock goes on as it was.
//
// Ours and not libfaketime: that also changes timers, waits and the times of files, and tests would rest on one more package.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void) {
  const char *path = getenv("CLOCK_OFFSET_FILE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  char text[32];
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  return (time_t)strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (syscall(SYS_clock_gettime, clock, now) != 0) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += offset();
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  if (syscall(SYS_gettimeofday, now, NULL) != 0) return -1;
  now->tv_sec += offset();
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
