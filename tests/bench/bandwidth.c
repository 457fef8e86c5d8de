/* Reads a buffer that no cache holds, again and again, each thread its own part of it; prints the best round's bytes a second, of all threads.

   usage: bandwidth THREADS MIB ROUNDS */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Sums that do not wait for each other. */
#define SUMS 32

struct part {
    const uint64_t *from;
    size_t words;
    uint64_t sum;
};

static void *read_part(void *argument) {
    struct part *part = argument;
    uint64_t sums[SUMS] = {0};
    for (size_t at = 0; at < part->words; at += SUMS)
        for (int each = 0; each < SUMS; each++)
            sums[each] += part->from[at + each];
    for (int each = 0; each < SUMS; each++)
        part->sum += sums[each];
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    if (count != 4)
        return fputs("usage: bandwidth THREADS MIB ROUNDS\n", stderr), 2;
    int threads = atoi(arguments[1]), rounds = atoi(arguments[3]);
    size_t words = ((size_t)atoi(arguments[2]) << 20) / sizeof(uint64_t) / threads / SUMS * SUMS;
    uint64_t *buffer = aligned_alloc(64, words * threads * sizeof(uint64_t));
    pthread_t *running = calloc(threads, sizeof(pthread_t));
    struct part *parts = calloc(threads, sizeof(struct part));
    if (!buffer || !running || !parts)
        return fputs("there is not enough memory\n", stderr), 1;
    memset(buffer, 1, words * threads * sizeof(uint64_t));
    double best = 0;
    uint64_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        double start = now();
        for (int thread = 0; thread < threads; thread++) {
            parts[thread] = (struct part){buffer + thread * words, words, 0};
            pthread_create(&running[thread], NULL, read_part, &parts[thread]);
        }
        for (int thread = 0; thread < threads; thread++) {
            pthread_join(running[thread], NULL);
            sum += parts[thread].sum;
        }
        double rate = words * threads * sizeof(uint64_t) / (now() - start);
        best = rate > best ? rate : best;
    }
    printf("{\"bytes_per_s\": %.0f, \"sum\": %llu}\n", best, (unsigned long long)sum);
    return 0;
}
