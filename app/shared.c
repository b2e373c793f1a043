#include "shared.h"

#include <sys/mman.h>

static size_t
size_of(size_t slot_count)
{
	return sizeof(struct shared) + slot_count * sizeof(struct worker_slot);
}

struct shared *
shared_new(size_t slot_count)
{
	/* anonymous pages are zero: what every field begins with */
	struct shared *shared = mmap(NULL, size_of(slot_count),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return NULL;
	shared->slot_count = slot_count;
	return shared;
}

struct shared *
shared_free(struct shared *shared)
{
	if (shared != NULL)
		munmap(shared, size_of(shared->slot_count));
	return NULL;
}

size_t
shared_waiting(const struct shared *shared)
{
	size_t waiting = 0;

	for (size_t i = 0; i < shared->slot_count; i++)
		waiting += atomic_load(&shared->slots[i].waiting) ? 1 : 0;
	return waiting;
}
