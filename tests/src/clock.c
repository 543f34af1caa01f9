// Put before a server's C library, this sets its wall clock off by the seconds that stand in the file
// named by CLOCK_OFFSET_FILE, read again each time.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  if (syscall(SYS_gettimeofday, now, NULL) != 0) return -1;
  const char *path = getenv("CLOCK_OFFSET_FILE");
  FILE *file = path ? fopen(path, "r") : NULL;
  long offset = 0;
  if (file) {
    if (fscanf(file, "%ld", &offset) != 1) offset = 0;
    fclose(file);
  }
  now->tv_sec += offset;
  return 0;
}
